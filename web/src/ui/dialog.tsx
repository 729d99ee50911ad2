import type {ComponentChildren} from 'preact'
import {useEffect, useId, useRef} from 'preact/hooks'
import {messageOf} from '../api/client'
import {useAction} from '../load'
import {Button, Note, type ButtonKind} from './basic'

interface DialogProps {
  title: string
  onClose: () => void
  children: ComponentChildren
  footer?: ComponentChildren
  wide?: boolean
}

/** A dialog over the page. The browser keeps the focus inside, closes it on Escape, and gives the focus back. */
export function Dialog({title, onClose, children, footer, wide}: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const d = ref.current
    const before = document.activeElement
    if (d && !d.open) {
      d.showModal()
      firstFocus(d).focus({preventScroll: true})
    }
    return () => {
      if (d?.open) d.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog ref={ref} tabIndex={-1} class={`dialog${wide ? ' wide' : ''}`} aria-labelledby={id} onCancel={e => { e.preventDefault(); onClose() }}
      onMouseDown={e => { if (e.target === ref.current) onClose() }}>
      <div class="dialog-box">
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          <Button kind="quiet" icon="close" aria-label="Close" onClick={onClose} />
        </div>
        <div class="dialog-body" tabIndex={0}>{children}</div>
        {footer ? <div class="dialog-foot">{footer}</div> : null}
      </div>
    </dialog>
  )
}

/** What a dialog begins at: its first field where it begins with one, and else itself, so that its text is read before a button. */
function firstFocus(d: HTMLElement): HTMLElement {
  const first = d.querySelector<HTMLElement>('.dialog-body :is(input, select, textarea, button, a[href])')
  return first?.matches('input, select, textarea') ? first : d
}

interface ConfirmProps {
  title: string
  children: ComponentChildren
  /** What the button says: the action, never just "OK". */
  action: string
  kind?: ButtonKind
  onConfirm: () => Promise<void>
  onClose: () => void
}

/** Asks before something is done; stays with the error when it fails. */
export function Confirm({title, children, action, kind = 'danger', onConfirm, onClose}: ConfirmProps) {
  const act = useAction(async () => {
    await onConfirm()
    onClose()
  })
  return (
    <Dialog title={title} onClose={onClose} footer={<>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind={kind} busy={act.busy} onClick={() => void act.run()}>{action}</Button>
    </>}>
      {children}
      {act.error ? <Note tone="error">{messageOf(act.error)}</Note> : null}
    </Dialog>
  )
}
