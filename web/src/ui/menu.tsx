import {useEffect, useId, useRef, useState} from 'preact/hooks'
import {Icon, type IconName} from './icons'

export interface MenuItem {
  label: string
  hint?: string
  icon?: IconName
  danger?: boolean
  /** Why it cannot be chosen. */
  why?: string
  onSelect: () => void
}

interface MenuProps {
  label: string
  items: MenuItem[]
  icon?: IconName
  /** Shows the label beside the icon. */
  text?: boolean
  small?: boolean
}

/** A button that opens a menu; arrows, Home, End and letters move in it, Escape closes it. */
export function Menu({label, items, icon = 'more', text, small}: MenuProps) {
  const [open, setOpen] = useState(false)
  const id = useId()
  const box = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)

  const entries = () => [...box.current?.querySelectorAll<HTMLButtonElement>('[role=menuitem]') ?? []]
  const close = (focus: boolean) => {
    setOpen(false)
    if (focus) button.current?.focus()
  }

  useEffect(() => {
    if (!open) return
    entries()[0]?.focus()
    const outside = (e: Event) => {
      if (!box.current?.contains(e.target as Node)) close(false)
    }
    document.addEventListener('pointerdown', outside)
    return () => document.removeEventListener('pointerdown', outside)
  }, [open])

  const onKey = (e: KeyboardEvent) => {
    const all = entries()
    const at = all.indexOf(document.activeElement as HTMLButtonElement)
    let to = -1
    if (e.key === 'Escape') close(true)
    else if (e.key === 'Tab') return close(false)
    else if (e.key === 'ArrowDown') to = (at + 1) % all.length
    else if (e.key === 'ArrowUp') to = (at - 1 + all.length) % all.length
    else if (e.key === 'Home') to = 0
    else if (e.key === 'End') to = all.length - 1
    else if (e.key.length === 1 && !e.ctrlKey && !e.metaKey) to = all.findIndex((b, i) => i > at && (b.textContent ?? '').trim().toLowerCase().startsWith(e.key.toLowerCase()))
    else return
    e.stopPropagation()
    if (to >= 0 || e.key === 'Escape') e.preventDefault()
    all[to]?.focus()
  }

  return (
    <div class="menu" ref={box}>
      <button ref={button} type="button" class={`button ${text ? 'default' : 'quiet only-icon'}${small ? ' small' : ''}`} aria-haspopup="menu" aria-expanded={open}
        aria-controls={open ? id : undefined} aria-label={text ? undefined : label} title={text ? undefined : label}
        onClick={() => setOpen(!open)} onKeyDown={e => { if (e.key === 'ArrowDown' && !open) { e.preventDefault(); setOpen(true) } }}>
        {text ? <span class="button-text">{label}</span> : null}<Icon name={text ? 'down' : icon} />
      </button>
      {open ? (
        <div class="menu-list" id={id} role="menu" aria-label={label} onKeyDown={onKey}>
          {items.map(i => (
            <button key={i.label} type="button" role="menuitem" tabIndex={-1} class={`menu-item${i.danger ? ' danger' : ''}`} aria-disabled={i.why ? 'true' : undefined} title={i.why}
              onClick={() => { if (!i.why) { close(true); i.onSelect() } }}>
              {i.icon ? <Icon name={i.icon} /> : null}
              <span class="menu-label">{i.label}{i.hint || i.why ? <span class="menu-hint">{i.why ?? i.hint}</span> : null}</span>
            </button>
          ))}
        </div>
      ) : null}
    </div>
  )
}
