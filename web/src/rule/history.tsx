import {useRef, useState} from 'preact/hooks'
import {api, messageOf, of} from '../api/client'
import type {HistoryEntry, Rule} from '../api/types'
import {useAction} from '../load'
import {Button, Note, Time} from '../ui/basic'

interface Item {
  at: string
  by: string
  kind: 'comment' | 'action'
  text: string
  earlier?: HistoryEntry['earlier']
}

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

/** What happened to a rule, newest first. A comment's own entry among the actions says nothing more and is left out. */
export function historyItems(rule: Rule): Item[] {
  const comments = (rule.comments ?? []).map((c): Item => ({at: c.created_at, by: c.created_by, kind: 'comment', text: c.message}))
  const actions = (rule.history ?? [])
    .filter(h => h.action !== 'commented')
    .map((h): Item => ({
      at: h.at,
      by: h.by,
      kind: 'action',
      text: (actionNames[h.action] ?? h.action.replaceAll('_', ' ')) + (h.detail ? `: ${h.detail}` : ''),
      earlier: h.earlier,
    }))
  return [...comments, ...actions]
    .map((item, i) => ({item, i}))
    .sort((a, b) => Date.parse(b.item.at) - Date.parse(a.item.at) || b.i - a.i)
    .map(x => x.item)
}

/** Comments and history of a rule, and a place for a new comment. */
export function History({rule, mayWrite, onRule, onWrite, box}: {rule: Rule; mayWrite: boolean; onRule: (r: Rule) => void; onWrite: () => void; box: {current: HTMLTextAreaElement | null}}) {
  const [text, setText] = useState('')
  const field = useRef<HTMLTextAreaElement | null>(null)
  const send = useAction(async () => {
    onWrite()
    onRule(await api.post<Rule>(of(rule.migration_id, '/rule/comments'), {rule_id: rule.id, message: text.trim()}))
    setText('')
  })
  const items = historyItems(rule)
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
      {items.length === 0 ? (
        <p class="muted">Nothing yet.</p>
      ) : (
        <ol class="history-list">
          {items.map((item, i) => (
            <li key={i} class={`history-${item.kind}`}>
              <p class="history-who">
                <strong>{item.by || 'rulebridge'}</strong> {item.kind === 'comment' ? 'commented' : item.text}{' '}
                <span class="muted">
                  <Time at={item.at} />
                </span>
              </p>
              {item.kind === 'comment' ? <p class="history-text">{item.text}</p> : null}
              {item.earlier ? <Earlier earlier={item.earlier} /> : null}
            </li>
          ))}
        </ol>
      )}
    </div>
  )
}

function Earlier({earlier}: {earlier: NonNullable<HistoryEntry['earlier']>}) {
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
