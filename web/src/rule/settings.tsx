import type {ComponentChildren} from 'preact'
import type {ElasticRule, Rule} from '../api/types'
import {Badge} from '../ui/basic'
import {count} from '../ui/format'
import {type Edit, faults, type Fields, severities} from './edit'

interface Lookup {
  name?: unknown
  rows?: unknown
}
interface Threat {
  tactic?: {id?: string; name?: string}
  technique?: {id?: string; name?: string; subtechnique?: {id?: string; name?: string}[]}[]
}

/** The settings of a rule for Elastic Security. */
export function Settings({rule, elastic}: {rule: Rule; elastic: ElasticRule | undefined}) {
  const o = rule.original_rule
  const rows: [string, ComponentChildren, ComponentChildren][] = [
    ['Severity', o.severity, elastic?.severity],
    ['Risk score', o.risk_score ?? '', elastic?.risk_score],
    ['Runs', o.cron_schedule, elastic?.interval ? `every ${elastic.interval}` : ''],
    ['Looks at', o.earliest_time ? `${o.earliest_time} to ${o.latest_time || 'now'}` : '', elastic?.from ? `${elastic.from} to now` : ''],
    [
      'Alerts once per',
      o.suppress_fields?.length ? `${o.suppress_fields.join(', ')}${o.suppress_period ? ` in ${o.suppress_period}` : ''}` : '',
      suppression(elastic),
    ],
    ['Threshold', o.trigger, threshold(elastic)],
    ['Most alerts of a run', '', elastic?.max_signals],
    ['Index patterns', '', elastic?.index?.length ? elastic.index.map(i => <code key={i}>{i}</code>) : ''],
    ['Lookups', '', lookups(elastic)],
    ['MITRE ATT&CK', (o.mitre_attack_ids ?? []).join(', '), threats(elastic)],
    ['Actions', (o.actions ?? []).join('; '), ''],
    ['App and owner', [o.app, o.owner].filter(Boolean).join(', '), ''],
  ]
  const there = (c: ComponentChildren) => c !== undefined && c !== null && c !== ''
  return (
    <div class="stack">
      {elastic?.description || o.description ? <p class="prose">{elastic?.description || o.description}</p> : null}
      <table class="settings">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Splunk</th>
            <th scope="col">Elastic</th>
          </tr>
        </thead>
        <tbody>
          {rows
            .filter(([, a, b]) => there(a) || there(b))
            .map(([name, a, b]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{there(a) ? a : <span class="muted">–</span>}</td>
                <td>{there(b) ? b : <span class="muted">–</span>}</td>
              </tr>
            ))}
        </tbody>
      </table>
      {o.note ? (
        <details>
          <summary>Investigation guide</summary>
          <pre class="prose">{o.note}</pre>
        </details>
      ) : null}
      {o.references?.length ? (
        <ul class="references">
          {o.references.map(r => (
            <li key={r}>
              {/^https?:\/\//.test(r) ? (
                <a href={r} target="_blank" rel="noreferrer noopener">
                  {r}
                </a>
              ) : (
                r
              )}
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  )
}

function suppression(e: ElasticRule | undefined): string {
  const s = e?.suppression as {group_by?: string[]; duration?: string} | undefined
  return s?.group_by?.length ? `${s.group_by.join(', ')}${s.duration ? ` in ${s.duration}` : ''}` : ''
}

function threshold(e: ElasticRule | undefined): string {
  const t = e?.threshold as {field?: string[]; value?: number} | undefined
  return t?.value ? `${t.value}${t.field?.length ? ` by ${t.field.join(', ')}` : ''}` : ''
}

function lookups(e: ElasticRule | undefined): ComponentChildren {
  const list = (e?.lookup_indices ?? []) as Lookup[]
  return list.length > 0 ? (
    <ul>
      {list.map(l => (
        <li key={String(l.name)}>
          <code>{String(l.name)}</code> {Array.isArray(l.rows) ? count(l.rows.length, 'row') : ''}
        </li>
      ))}
    </ul>
  ) : (
    ''
  )
}

function threats(e: ElasticRule | undefined): ComponentChildren {
  const list = (e?.threat ?? []) as Threat[]
  const names = list.flatMap(t => [
    t.tactic?.name,
    ...(t.technique ?? []).flatMap(q => [`${q.id ?? ''} ${q.name ?? ''}`, ...(q.subtechnique ?? []).map(s => `${s.id ?? ''} ${s.name ?? ''}`)]),
  ])
  return names.length > 0 ? (
    <span class="row">
      {[...new Set(names)].filter(Boolean).map(n => (
        <Badge key={n}>{n}</Badge>
      ))}
    </span>
  ) : (
    ''
  )
}

/** The settings that a person may change, as fields. */
export function SettingsForm({edit, onChange}: {edit: Edit; onChange: <K extends keyof Fields>(key: K, value: Fields[K]) => void}) {
  const {fields} = edit
  const wrong = faults(edit)
  const text = (key: 'title' | 'interval' | 'from', label: string, hint: string) => (
    <FormField id={`field-${key}`} label={label} hint={hint} fault={wrong[key]} wide={key === 'title'}>
      <input
        id={`field-${key}`}
        value={fields[key]}
        aria-invalid={wrong[key] ? true : undefined}
        aria-describedby={`field-${key}-hint`}
        onInput={e => onChange(key, e.currentTarget.value)}
      />
    </FormField>
  )
  return (
    <div class="settings-form">
      {text('title', 'Title', '')}
      <FormField id="field-severity" label="Severity" hint="">
        <select id="field-severity" value={fields.severity} onChange={e => onChange('severity', e.currentTarget.value)}>
          {[...new Set([fields.severity, ...severities])].filter(Boolean).map(s => (
            <option key={s} value={s}>
              {s}
            </option>
          ))}
        </select>
      </FormField>
      <FormField id="field-risk" label="Risk score" hint="0 to 100" fault={wrong.risk_score}>
        <input
          id="field-risk"
          type="number"
          min={0}
          max={100}
          step={1}
          value={Number.isNaN(fields.risk_score) ? '' : fields.risk_score}
          aria-invalid={wrong.risk_score ? true : undefined}
          aria-describedby="field-risk-hint"
          onInput={e => onChange('risk_score', e.currentTarget.value === '' ? NaN : Number(e.currentTarget.value))}
        />
      </FormField>
      {text('interval', 'Runs every', 'Such as 5m or 1h')}
      {text('from', 'Looks back from', 'Such as now-10m')}
      <FormField id="field-description" label="Description" hint="" wide>
        <textarea id="field-description" rows={3} value={fields.description} onInput={e => onChange('description', e.currentTarget.value)} />
      </FormField>
    </div>
  )
}

function FormField({
  id,
  label,
  hint,
  fault,
  wide,
  children,
}: {
  id: string
  label: string
  hint: string
  fault?: string
  wide?: boolean
  children: ComponentChildren
}) {
  return (
    <div class={`field${wide ? ' wide' : ''}`}>
      <label class="field-label" for={id}>
        {label}
      </label>
      {children}
      <span id={`${id}-hint`} class={`field-hint${fault ? ' fault' : ''}`}>
        {fault ?? hint}
      </span>
    </div>
  )
}
