import {useEvents} from '../api/events'
import {overview, subjects} from '../causes/causes'
import {CauseList} from '../causes/list'
import {Give} from '../causes/give'
import {useLoad, useThrottled} from '../load'
import {byID, start} from '../migrations/store'
import {defaultConnector} from '../migrations/dialogs'
import {href, type ViewProps} from '../router'
import {may, workflowLink} from '../session'
import type {Report, Verification} from '../api/types'
import {Badge, Button, Card, classNames, classOrder, count, Empty, ErrorState, Icon, Legend, Note, num, percent, Ring, Spinner, StackedBars, toast, toastError, words, type Part} from '../ui'
import {useState} from 'preact/hooks'

/** One migration: what keeps rules from being full, and beside it what came of them. */
export function OverviewView({params}: ViewProps) {
  const id = params['id'] ?? ''
  const read = useLoad(s => overview(id, s), [id])
  const m = byID.value.get(id)
  // A report reads every rule, so that one of many is not asked for often.
  const again = useThrottled(read.reload, (m?.rules.total ?? 0) > 2000 ? 15_000 : 3000)
  useEvents(e => {
    if (e.kind === 'reset' || (e.kind === 'rules' && e.migration_id === id) || (e.kind === 'stats' && e.stats.migration_id === id)) again()
  })
  if (!read.data) return read.error ? <ErrorState title="The report could not be read" error={read.error} retry={read.reload} /> : <Spinner label="Reading what came of the rules" />
  const report = read.data
  const kinds = report.cause_kinds ?? []
  const none = report.statuses.finished + report.statuses.failed === 0
  const link = workflowLink(id)
  return (
    <div class="overview">
      <div class="overview-main stack">
        {read.error ? <ErrorState title="This may be old" error={read.error} retry={read.reload} /> : null}
        {none ? (
          <Card title="Causes"><Empty icon="play" title={m?.state === 'running' ? 'The first rules are being translated' : 'Nothing is translated yet'}>{m?.state === 'running' ? 'What keeps them from being full will stand here.' : 'Choose Start above. What keeps rules from being full will stand here, the worst first.'}</Empty></Card>
        ) : <CauseList migrationID={id} kinds={kinds} touched={report.results.partial + report.results.untranslatable} onDone={read.reload} />}
        <Missing id={id} report={report} shown={subjects(kinds)} onDone={read.reload} />
        <BySource id={id} report={report} />
      </div>
      <aside class="overview-side stack" aria-label="What came of the rules">
        <Results id={id} report={report} />
        <Errors id={id} report={report} />
        <Verified report={report} />
        {link ? <a class="side-link" href={link} target="_blank" rel="noreferrer"><Icon name="external" />Workflow in the Temporal UI</a> : null}
      </aside>
    </div>
  )
}

/** The classes of a report as parts of a chart. */
export function classParts(by: Partial<Record<string, number>> | null | undefined): Part[] {
  return classOrder.map(c => ({tone: c, label: classNames[c], n: by?.[c] ?? 0}))
}

const filters: Record<string, Record<string, string>> = {
  [classNames.full]: {result: 'full', matched: 'no'},
  [classNames.matched]: {matched: 'yes'},
  [classNames.approximations]: {result: 'partial', holes: 'no', matched: 'no'},
  [classNames.partial]: {result: 'partial', holes: 'yes', matched: 'no'},
  [classNames.untranslatable]: {result: 'untranslatable', matched: 'no'},
  [classNames.error]: {status: 'error'},
  [classNames.waiting]: {status: 'pending'},
}

function Results({id, report}: {id: string; report: Report}) {
  const parts = classParts(report.classes)
  const total = report.statuses.total
  const ready = (report.classes?.full ?? 0) + (report.classes?.matched ?? 0)
  return (
    <Card title="Results" actions={<a class="small" href={href(['m', id, 'rules'])}>All {count(total, 'rule')}</a>}>
      <div class="results">
        <Ring parts={parts} label="Rules by what became of them" middle={percent(ready, total)} under="ready" />
        <Legend parts={parts} total={total} link={p => href(['m', id, 'rules'], filters[p.label] ?? {})} />
      </div>
      <p class="muted small">Ready: full, or replaced by a prebuilt rule. {report.near > 0 ? `${count(report.near, 'rule has', 'rules have')} prebuilt rules that are near.` : ''}</p>
    </Card>
  )
}

function Errors({id, report}: {id: string; report: Report}) {
  const m = byID.value.get(id)
  const [busy, setBusy] = useState(false)
  const errors = report.errors ?? []
  if (errors.length === 0) return null
  const retry = () => {
    setBusy(true)
    start(id, defaultConnector(m), {retry_filter: {failed: true}}).then(() => toast('The rules in error are translated again'), (e: unknown) => toastError(e)).finally(() => setBusy(false))
  }
  return (
    <Card title="Rules in error" actions={<Button small icon="retry" busy={busy} why={may('operator') ? m?.state === 'running' ? 'It runs; stop it first' : undefined : 'Needs the role operator'} onClick={retry}>Retry</Button>}>
      <ul class="plain-list">{errors.map(e => <li key={e.name}><a href={href(['m', id, 'rules'], {status: 'error'})}>{words(e.name)}</a><span class="n">{num(e.rules)}</span></li>)}</ul>
    </Card>
  )
}

const verified: Record<Verification, {label: string; tone: Part['tone']; what?: string}> = {
  passed: {label: 'Passed', tone: 'full'},
  unknown_index: {label: 'An index is missing there', tone: 'approximations', what: 'Install the integration that brings it.'},
  unknown_field: {label: 'A field is missing there', tone: 'approximations', what: 'Update the integration, or map the field.'},
  failed: {label: 'Refused', tone: 'untranslatable'},
  not_run: {label: 'Not asked', tone: 'waiting'},
}

function Verified({report}: {report: Report}) {
  const v = report.verification ?? {}
  const parts = (Object.keys(verified) as Verification[]).map(k => ({tone: verified[k].tone, label: verified[k].label, n: v[k] ?? 0}))
  const asked = parts.slice(0, 4).reduce((a, p) => a + p.n, 0)
  const total = parts.reduce((a, p) => a + p.n, 0)
  if (total === 0) return null
  return (
    <Card title="What your Elasticsearch says">
      {asked > 0 ? <Legend parts={parts} total={total} /> : <p class="muted">No query was shown to a cluster. Set <code>elasticsearch.urls</code> in the configuration of the workers, and each query is checked there.</p>}
    </Card>
  )
}

function BySource({id, report}: {id: string; report: Report}) {
  const [all, setAll] = useState(false)
  const list = report.by_source ?? []
  if (list.length === 0) return null
  const shown = all ? list.slice(0, 60) : list.slice(0, 10)
  return (
    <Card title="By source" actions={list.length > 10 ? <Button small kind="quiet" onClick={() => setAll(!all)}>{all ? 'The first 10' : `All ${num(list.length)}`}</Button> : undefined}>
      <StackedBars label="Rules by the index patterns they read" rows={shown.map(s => ({label: s.name, parts: classParts(s.by)}))} />
      <details class="more"><summary>As a table</summary>
        <div class="table-wrap" tabIndex={0} role="region" aria-label="Rules by source"><table>
          <thead><tr><th>Index pattern</th><th class="n">Rules</th>{classOrder.map(c => <th key={c} class="n">{classNames[c]}</th>)}</tr></thead>
          <tbody>{list.map(s => <tr key={s.name}><td class="mono small"><a href={href(['m', id, 'rules'], {source: s.name})}>{s.name}</a></td><td class="n">{num(s.rules)}</td>{classOrder.map(c => <td key={c} class="n">{s.by[c] ? num(s.by[c] ?? 0) : ''}</td>)}</tr>)}</tbody>
        </table></div>
      </details>
    </Card>
  )
}

/** Definitions that rules refer to and nobody gave, where no cause among the list above has them already. */
function Missing({id, report, shown, onDone}: {id: string; report: Report; shown: Set<string>; onDone: () => void}) {
  const [open, setOpen] = useState<string | undefined>(undefined)
  const list = (report.missing ?? []).filter(m => !shown.has(m.name))
  if (list.length === 0) return null
  return (
    <Card title="Definitions that are not there" actions={<span class="muted small">Rules name them; no cause hangs on them alone</span>}>
      <ul class="plain-list">
        {list.map(m => {
          const key = m.kind + ':' + m.name
          const can = (m.kind === 'macro' || m.kind === 'lookup') && !m.known
          return (
            <li key={key} class="missing">
              <div class="row"><Badge>{m.kind}</Badge><code>{m.name}</code><span class="muted small grow">{count(m.rules, 'rule')}{m.known ? '; it came with the rules and is not read yet' : ''}</span>
                {can ? <Button small aria-expanded={open === key} onClick={() => setOpen(open === key ? undefined : key)}>Give it</Button> : null}</div>
              {open === key && (m.kind === 'macro' || m.kind === 'lookup') ? <Give migrationID={id} kind={m.kind} name={m.name} onDone={() => { setOpen(undefined); onDone() }} /> : null}
            </li>
          )
        })}
      </ul>
      {list.some(m => m.kind === 'datamodel') ? <Note>Data models have no definition to give here: their rules are written against the fields that Elastic has.</Note> : null}
    </Card>
  )
}
