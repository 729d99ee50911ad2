import {useEffect, useRef, useState} from 'preact/hooks'
import {api, messageOf, of} from '../api/client'
import type {Earlier as EarlierState, Rule, RuleEvent, RuleHistory} from '../api/types'
import {useAction, useLoad} from '../load'
import {Button, ErrorState, Note, Spinner, Time} from '../ui/basic'
import {num} from '../ui/format'
import {keepComment, keptComment} from './comment'

const actionNames: Record<string, string> = {
  edited: 'changed the rule',
  reset: 'took the change back to the draft',
  accepted: 'accepted',
  rejected: 'rejected',
  reopened: 'reopened',
  installed: 'installed',
  commented: 'commented',
  requeued: 'translated again',
  translated: 'translated',
  matched: 'matched a prebuilt rule',
}

/** What a step says of itself. */
export function stepText(e: RuleEvent): string {
  return (actionNames[e.action] ?? e.action.replaceAll('_', ' ')) + (e.detail ? `: ${e.detail}` : '')
}

/** Puts a page of events, newest first, together with those that were there: newer ones before, older ones behind. */
export function joined(there: readonly RuleEvent[], page: readonly RuleEvent[]): RuleEvent[] {
  const first = page[0]?.n ?? 0,
    last = page.at(-1)?.n ?? 0
  const newer = there.filter(e => e.n > first),
    older = there.filter(e => e.n < last)
  // Events between that did not come would be missing in silence: what lies beyond such a gap is asked for again.
  const meets = (a: RuleEvent | undefined, b: RuleEvent | undefined) => !a || !b || a.n === b.n + 1
  return [...(meets(newer.at(-1), page[0]) ? newer : []), ...page, ...(meets(page.at(-1), older[0]) ? older : [])]
}

/** Comments and history of a rule, and a place for a new comment. */
export function History({rule, mayWrite, onRule, onWrite, box}: {rule: Rule; mayWrite: boolean; onRule: (r: Rule) => void; onWrite: () => void; box: {current: HTMLTextAreaElement | null}}) {
  const text = keptComment(rule.migration_id, rule.id)
  const setText = (to: string) => keepComment(rule.migration_id, rule.id, to)
  const field = useRef<HTMLTextAreaElement | null>(null)
  const send = useAction(async () => {
    onWrite()
    const next = await api.post<Rule>(of(rule.migration_id, '/rule/comments'), {rule_id: rule.id, message: text.trim()})
    // What was written on meanwhile is not added yet.
    if (keptComment(rule.migration_id, rule.id) === text) setText('')
    onRule(next)
  })
  const [events, setEvents] = useState<RuleEvent[]>([])
  const read = (query: Record<string, number>, signal?: AbortSignal) => api.get<RuleHistory>(of(rule.migration_id, '/rule/history'), {rule_id: rule.id, ...query}, signal)
  const newest = useLoad(signal => read({}, signal), [rule.migration_id, rule.id, rule.revision])
  const [total, setTotal] = useState(0)
  const take = (page: RuleHistory) => {
    setTotal(page.total)
    setEvents(there => joined(there, page.events))
  }
  useEffect(() => {
    if (newest.data) take(newest.data)
  }, [newest.data])
  const oldest = events.at(-1)?.n ?? 1
  const older = useAction(async () => take(await read({before: oldest})))
  return (
    <div class="history">
      {mayWrite ? (
        <form
          class="comment-form"
          onSubmit={e => {
            e.preventDefault()
            if (text.trim()) void send.run()
          }}
        >
          <label class="field">
            <span class="field-label">Comment</span>
            <textarea
              rows={3}
              value={text}
              maxLength={8192}
              ref={el => {
                field.current = el
                box.current = el
              }}
              onInput={e => setText(e.currentTarget.value)}
              onKeyDown={e => {
                if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && text.trim()) void send.run()
              }}
            />
          </label>
          <Button kind="primary" small busy={send.busy} disabled={!text.trim()} onClick={() => void send.run()}>
            Add the comment
          </Button>
          {send.error ? <Note tone="error">{messageOf(send.error)}</Note> : null}
        </form>
      ) : null}
      {events.length === 0 ? (
        newest.error ? (
          <ErrorState title="The history could not be read" error={newest.error} retry={newest.reload} />
        ) : newest.loading ? (
          <Spinner label="Reading the history" />
        ) : (
          <p class="muted">Nothing yet.</p>
        )
      ) : (
        <div class="history-past">
          <ol class="history-list">
            {events.map(e => (
              <li key={e.n} class={e.message === undefined ? 'history-action' : 'history-comment'}>
                <p class="history-who">
                  <strong>{e.by || 'rulebridge'}</strong> {stepText(e)}{' '}
                  <span class="muted">
                    <Time at={e.at} />
                  </span>
                </p>
                {e.message === undefined ? null : <p class="history-text">{e.message}</p>}
                {e.earlier ? <Earlier earlier={e.earlier} /> : null}
              </li>
            ))}
          </ol>
          {oldest > 1 ? (
            <Button small busy={older.busy} onClick={() => void older.run()}>
              Show older ({num(oldest - 1)} of {num(total)})
            </Button>
          ) : null}
          {older.error ? <Note tone="error">{messageOf(older.error)}</Note> : null}
        </div>
      )}
    </div>
  )
}

function Earlier({earlier}: {earlier: EarlierState}) {
  const what = [
    earlier.status === 'error' ? `in error (${earlier.error_code ?? ''})` : (earlier.translation_result ?? earlier.status),
    ...(earlier.codes ?? []),
  ].join(', ')
  if (!earlier.query) return <p class="muted">It was {what}.</p>
  return (
    <details>
      <summary>It was {what}; show the query</summary>
      <pre class="earlier-query">{earlier.query}</pre>
    </details>
  )
}
