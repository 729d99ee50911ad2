import {useState} from 'preact/hooks'
import {api, P} from '../api/client'
import type {Match, Prebuilt, Rule} from '../api/types'
import {useLoad} from '../load'
import {Badge, Code, ErrorState, Spinner} from '../ui'

/** The prebuilt rules of Elastic that take the place of a rule, or come near to it, each with its query and why. */
export function NearRules({rule}: {rule: Rule}) {
  const matched = rule.matched_rule
  const near = (rule.near_rules ?? []).filter(n => n.rule_id !== matched?.rule_id)
  if (!matched && near.length === 0) {
    return (
      <p class="muted">
        No prebuilt rule of Elastic comes near to this one. Where no catalogue is configured none is looked for: <code>prebuilt</code> in the settings names
        one.
      </p>
    )
  }
  return (
    <ul class="near-rules">
      {matched ? <Near key={matched.rule_id} match={matched} takes /> : null}
      {near.map(m => (
        <Near key={m.rule_id} match={m} />
      ))}
    </ul>
  )
}

function Near({match, takes}: {match: Match; takes?: boolean}) {
  const [open, setOpen] = useState(false)
  return (
    <li class="near-rule">
      <button type="button" class="near-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <strong>{match.name}</strong>
        {takes ? <Badge tone="matched">takes its place</Badge> : <Badge>near</Badge>}
        <span class="muted">{Math.round(match.score * 100)} % alike</span>
      </button>
      {match.why ? (
        <p>
          {takes ? '' : 'Why not: '}
          {match.why}
        </p>
      ) : null}
      {open ? <PrebuiltQuery id={match.rule_id} /> : null}
    </li>
  )
}

function PrebuiltQuery({id}: {id: string}) {
  const rule = useLoad(signal => api.get<Prebuilt>(P + '/prebuilt', {rule_id: id}, signal), [id])
  if (rule.error) return <ErrorState title="The prebuilt rule could not be read" error={rule.error} retry={rule.reload} />
  const r = rule.data
  if (!r) return <Spinner label="Reading the prebuilt rule" />
  return (
    <div class="stack tight near-body">
      {r.description ? <p>{r.description}</p> : null}
      <p class="muted">
        {r.language} · severity {r.severity} · version {r.version}
        {r.index?.length ? ` · ${r.index.join(', ')}` : ''}
      </p>
      <Code value={r.query} language={r.language === 'esql' ? 'esql' : 'text'} label={`Query of ${r.name}`} readOnly lineNumbers={false} />
    </div>
  )
}
