import {useEffect} from 'preact/hooks'
import {api, P} from '../api/client'
import type {Around, Checked, Rule, Severity} from '../api/types'
import {useLoad} from '../load'
import type {Verdict} from '../rules/review'
import {Badge, Button, Menu, Time} from '../ui'
import {num} from '../ui/format'
import {errorsOf, foundWords} from './check'
import {severityName} from './notes'
import {toNotes} from './notes-lead'

interface HeadProps {
  rule: Rule
  /** How many notes of each severity there are. */
  counts: Record<Severity, number>
  /** The place of the rule in its list. */
  around: Around | undefined
  /** The address of the list. */
  list: string
  mayWrite: boolean
  back: () => void
  step: (to: string | undefined) => void
  set: (verdict: Verdict) => void
  /** Goes to the next rule that is open, and decides about this one before. */
  goOn: (verdict?: Verdict) => void
  startEdit: () => void
  onRetry: () => void
  onReset: () => void
  onHelp: () => void
}

// Whether the button that goes on was pressed with the focus on it: the next rule's has it then, so that one press follows another.
let keepsFocus = false

/** What a rule is and came to, who signed it off, and what can be done with it. */
export function RuleHead({rule, counts, around, list, mayWrite, back, step, set, goOn, startEdit, onRetry, onReset, onHelp}: HeadProps) {
  const elastic = rule.elastic_rule
  const state = rule.review?.state ?? 'open'
  useEffect(() => {
    if (keepsFocus) document.querySelector<HTMLElement>('.go-on')?.focus({preventScroll: true})
    keepsFocus = false
  }, [])
  const ended = rule.status === 'finished' || rule.status === 'error'
  const open = (around?.open ?? 0) + (state === 'open' && ended ? 1 : 0)
  const query = Boolean(elastic?.query.trim())
  const accepts = state === 'open' && ended && query
  // Until it is known it is taken for so, for a button that comes later would move the others.
  const onward = around === undefined || around.open > 0
  const title = elastic?.title || rule.original_rule.title || rule.id
  return (
    <>
      <div class="rule-way">
        <a
          href={list}
          onClick={e => {
            e.preventDefault()
            back()
          }}
        >
          All rules
        </a>
        <span class="rule-step">
          <Button
            small
            kind="quiet"
            class="turn-back"
            icon="chevron"
            aria-label="Previous rule (k)"
            title="Previous rule (k)"
            disabled={!around?.before}
            onClick={() => step(around?.before)}
          />
          <span class="rule-place">
            {around && around.at >= 0 ? `${num(around.at + 1)} of ${num(around.total)} · ` : ''}
            {around ? <span class="rule-open">{open > 0 ? `${num(open)} open` : 'none open'}</span> : null}
          </span>
          <Button
            small
            kind="quiet"
            icon="chevron"
            aria-label="Next rule (j)"
            title="Next rule (j)"
            disabled={!around?.after}
            onClick={() => step(around?.after)}
          />
        </span>
      </div>
      {/* Stays in view while one reads on: what the rule is, and what is decided about it. */}
      <header class="rule-head">
        <div class="rule-name">
          <h2 title={title}>{title}</h2>
        </div>
        {mayWrite ? (
          <div class="rule-actions">
            {onward ? (
              <Button
                class="go-on"
                kind={accepts ? 'primary' : 'default'}
                icon={accepts ? 'check' : undefined}
                title={accepts ? 'Accept, and go to the next rule that is open (Shift A)' : 'Next rule that is open (n)'}
                onClick={e => {
                  keepsFocus = document.activeElement === e.currentTarget
                  goOn(accepts ? 'accepted' : undefined)
                }}
              >
                {accepts ? 'Accept and next' : 'Next open'}
              </Button>
            ) : null}
            <Button
              kind={accepts && !onward ? 'primary' : 'default'}
              icon={onward && accepts ? undefined : 'check'}
              why={query || state !== 'open' ? undefined : 'There is no query to accept: write one, or reject the rule'}
              aria-pressed={state === 'accepted'}
              title="Accept (a)"
              onClick={() => set(state === 'accepted' ? 'open' : 'accepted')}
            >
              {state === 'accepted' ? 'Accepted' : 'Accept'}
            </Button>
            {state === 'open' && ended && !query && onward ? (
              // Nothing keeps one at a rule that has no query and is rejected.
              <Button icon="close" title="Reject, and go to the next rule that is open (Shift R)" onClick={() => goOn('rejected')}>
                Reject and next
              </Button>
            ) : (
              <Button icon="close" aria-pressed={state === 'rejected'} title="Reject (r)" onClick={() => set(state === 'rejected' ? 'open' : 'rejected')}>
                {state === 'rejected' ? 'Rejected' : 'Reject'}
              </Button>
            )}
            <Button icon="edit" title="Edit (e)" why={rule.status === 'processing' ? 'It is being translated' : undefined} onClick={startEdit}>
              Edit
            </Button>
            <Menu
              label="More for this rule"
              items={[
                {label: 'Translate again', icon: 'retry', hint: 'What it had come to stays in its history', onSelect: onRetry},
                {label: 'Back to the draft', icon: 'retry', why: rule.edited ? undefined : 'Nobody changed it', onSelect: onReset},
                {label: 'Reopen', icon: 'edit', why: state === 'open' ? 'It is open' : undefined, onSelect: () => set('open')},
                {label: 'Keys', icon: 'key', onSelect: onHelp},
              ]}
            />
          </div>
        ) : null}
      </header>
      <div class="rule-about">
        <p class="rule-facts">
          <code>{rule.id}</code>
          <ResultOf rule={rule} />
          {rule.edited && elastic?.query_language === 'esql' ? <StoredProblems query={elastic.query} /> : null}
          {(['error', 'approximation'] as const)
            .filter(s => counts[s] > 0)
            .map(s => (
              <button
                key={s}
                type="button"
                class="linkish"
                onClick={toNotes}
              >
                {counts[s]} {severityName(s, counts[s])}
              </button>
            ))}
          {rule.verification && rule.verification !== 'not_run' ? (
            <Badge tone={rule.verification === 'passed' ? 'full' : 'approximations'}>
              {rule.verification === 'passed' ? 'runs on your Elasticsearch' : rule.verification.replace('_', ' ')}
            </Badge>
          ) : null}
        </p>
        <p class="sign-off">
          {state === 'open' ? (
            <span class="muted">Not signed off</span>
          ) : (
            <>
              <Badge tone={state}>{state}</Badge>{' '}
              <span class="muted">
                {rule.review?.by}, <Time at={rule.review?.at} />
              </span>
            </>
          )}
          {rule.edited ? (
            <span class="muted">
              edited by {rule.edited.by}, <Time at={rule.edited.at} />
            </span>
          ) : null}
        </p>
      </div>
    </>
  )
}

/** How many errors and warnings a query has that a person stored, for it can be stored with them. */
function StoredProblems({query}: {query: string}) {
  const checked = useLoad(async signal => (query.trim() ? api.post<Checked>(P + '/check', {query}, {signal}) : undefined), [query])
  const problems = checked.data?.problems ?? []
  if (problems.length === 0) return null
  return (
    <Badge tone={errorsOf(problems).length > 0 ? 'error' : 'approximations'} title={problems.map(p => `${p.start.line}:${p.start.column} ${p.message}`).join('\n')}>
      {foundWords(problems)} in the edited query
    </Badge>
  )
}

function ResultOf({rule}: {rule: Rule}) {
  if (rule.status !== 'finished')
    return <Badge tone={rule.status === 'error' ? 'error' : 'waiting'}>{rule.status === 'error' ? 'in error' : rule.status}</Badge>
  if (rule.matched_rule)
    return (
      <Badge tone="matched" title={rule.matched_rule.why}>
        prebuilt rule: {rule.matched_rule.name}
      </Badge>
    )
  const holes = (rule.diagnostics ?? []).some(d => d.severity === 'error')
  if (!rule.translation_result) return null
  return (
    <Badge tone={rule.translation_result === 'partial' ? (holes ? 'partial' : 'approximations') : rule.translation_result}>{rule.translation_result}</Badge>
  )
}
