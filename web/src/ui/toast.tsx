import {signal} from '@preact/signals'
import {messageOf} from '../api/client'
import {Button} from './basic'
import {Icon} from './icons'

export interface ToastOptions {
  kind?: 'good' | 'error' | 'info'
  /** Takes the action back; its button is named Undo. */
  undo?: () => Promise<void> | void
  /** How long it stays, in milliseconds; errors stay until they are closed. */
  stay?: number
  /** What it is about: of one subject only the newest message is shown. */
  about?: string
}

interface Shown extends ToastOptions {
  id: number
  text: string
}

const shown = signal<Shown[]>([])
let next = 1

export function closeToast(id: number): void {
  shown.value = shown.value.filter(t => t.id !== id)
}

/** Says briefly what happened; with undo it can be taken back. */
export function toast(text: string, o: ToastOptions = {}): number {
  const id = next++
  const others = o.about === undefined ? shown.value : shown.value.filter(t => t.about !== o.about)
  shown.value = [...others.slice(-3), {...o, id, text}]
  const stay = o.stay ?? (o.kind === 'error' ? 0 : o.undo ? 8_000 : 5_000)
  if (stay > 0) setTimeout(() => closeToast(id), stay)
  return id
}

/** Shows the error of an action that failed. */
export function toastError(err: unknown, what?: string): void {
  toast(what ? `${what}: ${messageOf(err)}` : messageOf(err), {kind: 'error'})
}

/** The place where toasts are shown; once in the page. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite" aria-atomic="false">
      {shown.value.map(t => (
        <div key={t.id} class={`toast toast-${t.kind ?? 'good'}`}>
          <Icon name={t.kind === 'error' ? 'error' : t.kind === 'info' ? 'info' : 'check'} />
          <span class="toast-text">{t.text}</span>
          {t.undo ? <Button small onClick={() => { closeToast(t.id); void Promise.resolve(t.undo?.()).catch((e: unknown) => toastError(e, 'Not undone')) }}>Undo</Button> : null}
          <Button small kind="quiet" icon="close" aria-label="Close the message" onClick={() => closeToast(t.id)} />
        </div>
      ))}
    </div>
  )
}
