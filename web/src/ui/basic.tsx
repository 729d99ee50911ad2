import type {ButtonHTMLAttributes, ComponentChildren} from 'preact'
import {ApiError, messageOf} from '../api/client'
import type {Class, Result, ReviewState, State, Status} from '../api/types'
import {ago, num, percent, when} from './format'
import {Icon, type IconName} from './icons'

export type ButtonKind = 'default' | 'primary' | 'quiet' | 'danger'

type ButtonProps = {
  kind?: ButtonKind
  icon?: IconName
  /** While its action runs: it cannot be pressed again. */
  busy?: boolean
  small?: boolean
  /** Why it is disabled; shown on hover and read out. */
  why?: string
  children?: ComponentChildren
} & Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon' | 'type'>

export function Button({kind = 'default', icon, busy, small, why, disabled, children, class: cls, ...rest}: ButtonProps) {
  const off = Boolean(disabled) || Boolean(busy) || Boolean(why)
  return (
    <button type="button" class={`button ${kind}${small ? ' small' : ''}${children ? '' : ' only-icon'}${cls ? ' ' + String(cls) : ''}`}
      disabled={off} aria-busy={busy ? 'true' : undefined} {...rest} title={why ?? rest.title}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon ? <Icon name={icon} /> : null}
      {children ? <span class="button-text">{children}</span> : null}
    </button>
  )
}

export type Tone = 'neutral' | 'accent' | Class | 'accepted' | 'rejected' | 'installed'

export function Badge({tone = 'neutral', children, title}: {tone?: Tone; children: ComponentChildren; title?: string}) {
  return <span class={`badge tone-${tone}`} title={title}>{children}</span>
}

/** The words for what became of a rule. */
export const classNames: Record<Class, string> = {
  full: 'Full', matched: 'Prebuilt rule', approximations: 'Approximations', partial: 'Partial, with holes',
  untranslatable: 'Untranslatable', error: 'In error', waiting: 'Waiting',
}

/** The classes from best to worst; charts and legends keep this order. */
export const classOrder: Class[] = ['full', 'matched', 'approximations', 'partial', 'untranslatable', 'error', 'waiting']

export function ResultBadge({result}: {result: Result | undefined}) {
  if (!result) return null
  const words: Record<Result, string> = {full: 'full', partial: 'partial', untranslatable: 'untranslatable'}
  return <Badge tone={result === 'partial' ? 'approximations' : result}>{words[result] ?? result}</Badge>
}

export function StatusBadge({status}: {status: Status}) {
  return <Badge tone={status === 'error' ? 'error' : status === 'processing' ? 'accent' : 'waiting'}>{status}</Badge>
}

export function StateBadge({state, parked}: {state: State; parked?: boolean}) {
  const tones: Record<State, Tone> = {creating: 'waiting', ready: 'neutral', running: 'accent', stopped: 'approximations', finished: 'full'}
  return <Badge tone={parked ? 'error' : tones[state]}>{parked ? 'parked' : state}</Badge>
}

export function ReviewBadge({state}: {state: ReviewState}) {
  if (state === 'open') return <Badge tone="neutral">open</Badge>
  return <Badge tone={state}>{state}</Badge>
}

export function Spinner({label = 'Loading'}: {label?: string}) {
  return <div class="loading" role="status"><span class="spinner" aria-hidden="true" />{label} …</div>
}

/** What stands where there is nothing yet: what is missing and what to do. */
export function Empty({title, children, icon = 'info', action}: {title: string; children?: ComponentChildren; icon?: IconName; action?: ComponentChildren}) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h3>{title}</h3>
      {children ? <div class="empty-text">{children}</div> : null}
      {action}
    </div>
  )
}

/** An error with what it says, and a way to try again. */
export function ErrorState({error, retry, title = 'This could not be read'}: {error: unknown; retry?: () => void; title?: string}) {
  const away = error instanceof ApiError && error.away
  return (
    <div class="error-state" role="alert">
      <Icon name="error" />
      <div>
        <strong>{title}</strong>
        <p>{messageOf(error)}{away ? ' Is it running? The page tries again by itself.' : ''}</p>
        {retry ? <Button small icon="retry" onClick={retry}>Try again</Button> : null}
      </div>
    </div>
  )
}

/** A text with `code` in it, which is shown as code. A mark without a partner stands as it is. */
export function Said({text}: {text: string}) {
  return <>{text.split('`').map((part, i, all) => i % 2 === 0 ? part : i < all.length - 1 ? <code key={i}>{part}</code> : '`' + part)}</>
}

/** A message in the page: what happened and what to do. */
export function Note({tone = 'info', title, children}: {tone?: 'info' | 'warn' | 'error' | 'good'; title?: ComponentChildren; children?: ComponentChildren}) {
  const icon: Record<string, IconName> = {info: 'info', warn: 'warn', error: 'error', good: 'check'}
  return (
    <div class={`note note-${tone}`} role={tone === 'error' ? 'alert' : undefined}>
      <Icon name={icon[tone] ?? 'info'} />
      <div class="note-body">{title ? <strong>{title}</strong> : null}{children}</div>
    </div>
  )
}

export interface Part {
  tone: Tone
  label: string
  n: number
}

/** A bar of parts; its text says the same. */
export function PartsBar({parts, total, label, thin}: {parts: Part[]; total?: number; label: string; thin?: boolean}) {
  const shown = parts.filter(p => p.n > 0)
  const all = total ?? shown.reduce((a, p) => a + p.n, 0)
  const text = `${label}: ${shown.map(p => `${num(p.n)} ${p.label}`).join(', ') || 'none'}`
  return (
    <div class={`parts${thin ? ' thin' : ''}`} role="img" aria-label={text} title={text}>
      {shown.map(p => <span key={p.label} class={`part fill-${p.tone}`} style={{flexGrow: p.n}} />)}
      {all > shown.reduce((a, p) => a + p.n, 0) ? <span class="part fill-rest" style={{flexGrow: all - shown.reduce((a, p) => a + p.n, 0)}} /> : null}
    </div>
  )
}

export function Legend({parts, total, link}: {parts: Part[]; total: number; link?: (p: Part) => string | undefined}) {
  return (
    <ul class="legend">
      {parts.filter(p => p.n > 0).map(p => {
        const to = link?.(p)
        const body = <><span class={`dot fill-${p.tone}`} aria-hidden="true" /><span class="legend-label">{p.label}</span><span class="legend-n">{num(p.n)}</span><span class="legend-p">{percent(p.n, total)}</span></>
        return <li key={p.label}>{to ? <a href={to}>{body}</a> : <span class="legend-row">{body}</span>}</li>
      })}
    </ul>
  )
}

/** How far something is; the value is read out. */
export function Progress({value, max, label}: {value: number; max: number; label: string}) {
  return <progress class="progress" value={value} max={Math.max(max, 1)} aria-label={label}>{percent(value, max)}</progress>
}

/** A time, as long ago, with the whole local time on hover. */
export function Time({at}: {at: string | undefined}) {
  if (!at) return null
  return <time dateTime={at} title={when(at)}>{ago(at)}</time>
}

/** A switch with its label. */
export function Toggle({checked, onChange, children, disabled, title}: {checked: boolean; onChange: (on: boolean) => void; children: ComponentChildren; disabled?: boolean; title?: string}) {
  return (
    <label class="toggle" title={title}>
      <input type="checkbox" role="switch" checked={checked} disabled={disabled} onChange={e => onChange(e.currentTarget.checked)} />
      <span class="toggle-track" aria-hidden="true" />
      <span>{children}</span>
    </label>
  )
}

/** A control with its label above it. */
export function Field({label, hint, children}: {label: string; hint?: ComponentChildren; children: ComponentChildren}) {
  return <label class="field"><span class="field-label">{label}</span>{children}{hint ? <span class="field-hint">{hint}</span> : null}</label>
}

export function Card({title, actions, children, class: cls}: {title?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren; class?: string}) {
  return (
    <section class={`card${cls ? ' ' + cls : ''}`}>
      {title || actions ? <header class="card-head">{title ? <h2>{title}</h2> : null}{actions ? <div class="card-actions">{actions}</div> : null}</header> : null}
      {children}
    </section>
  )
}
