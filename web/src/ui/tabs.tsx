import type {ComponentChildren} from 'preact'
import {useEffect, useId, useRef} from 'preact/hooks'

export interface LinkTab {
  label: string
  href: string
  current: boolean
  /** A number beside the name. */
  n?: string
}

/** Tabs that are places of the page: links. */
export function LinkTabs({tabs, label}: {tabs: LinkTab[]; label: string}) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(t => <a key={t.label} href={t.href} class="tab" aria-current={t.current ? 'page' : undefined}>{t.label}{t.n ? <span class="tab-n">{t.n}</span> : null}</a>)}
    </nav>
  )
}

export interface PanelTab {
  id: string
  label: ComponentChildren
  panel: () => ComponentChildren
}

/** Tabs over panels of one view; arrows move between them. */
export function Tabs({tabs, current, onChange, label}: {tabs: PanelTab[]; current: string; onChange: (id: string) => void; label: string}) {
  const base = useId()
  const bar = useRef<HTMLDivElement>(null)
  const at = Math.max(0, tabs.findIndex(t => t.id === current))
  const move = (e: KeyboardEvent) => {
    const to = e.key === 'ArrowRight' ? (at + 1) % tabs.length : e.key === 'ArrowLeft' ? (at - 1 + tabs.length) % tabs.length : e.key === 'Home' ? 0 : e.key === 'End' ? tabs.length - 1 : -1
    const t = tabs[to]
    if (!t) return
    e.preventDefault()
    onChange(t.id)
    bar.current?.querySelectorAll<HTMLButtonElement>('[role=tab]')[to]?.focus()
  }
  // On a narrow screen the tabs scroll: the chosen one is to be seen.
  useEffect(() => {
    const tab = bar.current?.querySelectorAll<HTMLElement>('[role=tab]')[at]
    if (tab && bar.current) bar.current.scrollLeft = Math.max(0, tab.offsetLeft - (bar.current.clientWidth - tab.offsetWidth) / 2)
  }, [at])
  const shown = tabs[at]
  return (
    <div class="panel-tabs">
      <div class="tabs" role="tablist" aria-label={label} ref={bar} onKeyDown={move}>
        {tabs.map((t, i) => (
          <button key={t.id} type="button" role="tab" id={`${base}-${t.id}`} class="tab" aria-selected={i === at} aria-controls={`${base}-panel`} tabIndex={i === at ? 0 : -1} onClick={() => onChange(t.id)}>{t.label}</button>
        ))}
      </div>
      {shown ? <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${shown.id}`} class="panel">{shown.panel()}</div> : null}
    </div>
  )
}
