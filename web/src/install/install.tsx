import type {ComponentChildren} from 'preact'
import {useEffect, useRef, useState} from 'preact/hooks'
import {api, download, messageOf, of, request} from '../api/client'
import type {ExportCounts, InstallPlan, InstallStatus, PlannedRule, Take} from '../api/types'
import {useAction, useLoad} from '../load'
import {byID} from '../migrations/store'
import {href, type ViewProps} from '../router'
import {may, session} from '../session'
import {Badge, Button, Card, Confirm, count, Empty, ErrorState, Field, Note, num, Progress, Said, Spinner, toast, Toggle, words, type Tone} from '../ui'

import {countWords, leftOutWords, taken, usualTake} from './take'

/** Installing the rules in a Kibana: what it would do, how it goes, what failed; and the same as files. */
export function InstallView({params}: ViewProps) {
  const id = params['id'] ?? ''
  const kibanas = session.value?.kibanas ?? []
  const [kibana, setKibana] = useState(kibanas[0] ?? '')
  const counts = useLoad(s => api.get<ExportCounts>(of(id, '/export/counts'), {}, s), [id])
  const [chosen, choose] = useState<Take | undefined>(undefined)
  const take = chosen ?? (counts.data ? usualTake(counts.data) : counts.error ? 'all' : undefined)
  return (
    <div class="overview">
      <div class="stack">
        <Card title="Which rules">
          {counts.error ? <ErrorState title="The rules could not be counted" error={counts.error} retry={counts.reload} /> : !counts.data ? <Spinner label="Counting rules" /> : <Which c={counts.data} take={take ?? 'all'} choose={choose} />}
        </Card>
        {kibana === '' ? (
          <Card title="Install in a Kibana"><Empty icon="link" title="No Kibana is configured" action={<pre class="code code-plain config" tabIndex={0} role="region" aria-label="What to add to the configuration">{config}</pre>}>Add your Kibana to the configuration of the gateway and its workers, with an API key that may write rules, and start them again: the plan then stands here, and rules are installed from this page.</Empty></Card>
        ) : !take ? null : <Installation key={kibana} id={id} kibana={kibana} take={take} recount={counts.reload} choose={kibanas.length > 1 ? <select aria-label="Kibana" value={kibana} onChange={e => setKibana(e.currentTarget.value)}>{kibanas.map(k => <option key={k}>{k}</option>)}</select> : null} />}
      </div>
      <aside class="stack" aria-label="Files"><Files id={id} other={kibana === ''} take={take} counts={counts.data} /></aside>
    </div>
  )
}

/** The choice between all rules and accepted ones, with what each is. */
function Which({c, take, choose}: {c: ExportCounts; take: Take; choose: (t: Take) => void}) {
  const one = (t: Take, label: string, off = false) => {
    const {rules, partial} = taken(c, t)
    return <label class="choice"><input type="radio" name="take" checked={take === t} disabled={off} onChange={() => choose(t)} /><span><strong>{label}</strong><span class="field-hint">{count(rules, 'rule')}{partial > 0 ? `, ${num(partial)} of them partial` : ''}</span></span></label>
  }
  return (
    <div class="stack tight">
      <p class="muted small">{countWords(c)}. What you choose holds for the installation and for the export.</p>
      <div role="radiogroup" aria-label="Which rules">
        {one('accepted', 'Accepted rules only', c.accepted === 0)}
        {one('all', 'All that have a query and are not rejected')}
      </div>
    </div>
  )
}

/** What to add to the configuration. */
const config = `kibanas:
  - name: prod
    url: https://kibana.acme:5601
    api_key_file: kibana.key`

const outcomes: Record<PlannedRule['outcome'], {label: string; tone: Tone; what: string; one: string}> = {
  created: {label: 'New', tone: 'full', what: 'are not there yet', one: 'is not there yet'},
  updated: {label: 'Changed', tone: 'accent', what: 'are there and would be changed', one: 'is there and would be changed'},
  kept: {label: 'Kept', tone: 'approximations', what: 'are there and differ; they are left alone unless you overwrite', one: 'is there and differs; it is left alone unless you overwrite'},
  unchanged: {label: 'Unchanged', tone: 'waiting', what: 'are there as the migration gives them', one: 'is there as the migration gives it'},
  left_out: {label: 'Left out', tone: 'untranslatable', what: 'have nothing to install', one: 'has nothing to install'},
}
const outcomeOrder: PlannedRule['outcome'][] = ['created', 'updated', 'kept', 'unchanged', 'left_out']

const phases: Record<InstallStatus['phase'], string> = {check: 'Looking at the Kibana', prebuilt: 'Installing prebuilt rules', custom: 'Installing your rules', enable: 'Enabling rules', done: 'Done'}

/** Why an installation ended early, and what to do. */
const codes: Record<string, [string, string]> = {
  unavailable: ['The Kibana could not be reached', 'When it is back, resume: nothing is installed twice.'],
  credential: ['The Kibana refused the key', 'Set another in the configuration, start the gateway and its workers again, and resume: nothing is installed twice.'],
  redirect: ['The address answers with a redirect', 'Set the address that it leads to, start again, and resume.'],
  not_kibana: ['What answers there is no Kibana', 'Check the address in the configuration.'],
  refused: ['The Kibana does not take what was asked', 'Another version of Kibana may do so; the log of the worker has its words.'],
  unknown_kibana: ['The worker knows no Kibana of this name', 'Name it in the configuration of the workers, too.'],
  gone: ['The migration was deleted meanwhile', 'What is installed stays in the Kibana.'],
  store: ['The store did not answer', 'Resume when it is back.'],
  internal: ['A defect of the program', 'The log of the worker says more; report it.'],
  cancelled: ['It was stopped', 'What is installed stays; resume to go on.'],
}

const failures: Record<string, string> = {
  refused: 'Refused by Kibana', server_error: 'Kibana failed', unknown_prebuilt: 'The prebuilt rule is not in this Kibana', lookup: 'Its lookup index could not be made',
  exceptions: 'Its exception list could not be made',
}

async function status(id: string, kibana: string, signal?: AbortSignal): Promise<InstallStatus | undefined> {
  const res = await request('GET', of(id, '/install'), undefined, {query: {kibana}, signal})
  return res.status === 204 ? undefined : await res.json() as InstallStatus // there was no installation yet
}

function Installation({id, kibana, take, recount, choose}: {id: string; kibana: string; take: Take; recount: () => void; choose: ComponentChildren}) {
  const m = byID.value.get(id)
  const [overwrite, setOverwrite] = useState(false)
  const [enable, setEnable] = useState(false)
  const [spread, setSpread] = useState('5m')
  const [ask, setAsk] = useState(false)
  const plan = useLoad(s => api.get<InstallPlan>(of(id, '/install/plan'), {kibana, take, overwrite: overwrite || undefined}, s), [id, kibana, take, overwrite])
  const now = useLoad(s => status(id, kibana, s), [id, kibana])
  const running = now.data?.running === true

  // An installation has no events of its own: it is asked for while it runs.
  useEffect(() => {
    if (!running) return
    const t = setInterval(now.reload, 1000)
    return () => clearInterval(t)
  }, [running])
  // Whatever an installation did, also one too short to be seen running, makes the plan another.
  const did = running || now.loading && !now.data ? undefined : now.data ? JSON.stringify([now.data.phase, now.data.counts, now.data.failures]) : 'none'
  const seen = useRef<string | undefined>(undefined)
  useEffect(() => {
    if (did === undefined) return
    if (seen.current !== undefined && seen.current !== did) {
      plan.reload()
      recount()
    }
    seen.current = did
  }, [did])

  const begin = useAction(async () => {
    const res = await api.post<{started: boolean}>(of(id, '/install'), {kibana, take, overwrite, enable, ...(enable && spread ? {spread} : {})})
    toast(res.started ? `The installation in ${kibana} runs` : 'An installation there runs already', {kind: res.started ? 'good' : 'info'})
    // It is seen when its first step is done.
    setTimeout(now.reload, 300)
    setTimeout(now.reload, 1500)
  })
  const end = useAction(async () => {
    await api.delete(of(id, '/install'), {query: {kibana}})
    now.reload()
  })
  const early = now.data && !running && now.data.phase !== 'done'
  const failed = now.data?.failures ?? []
  const todo = plan.data ? plan.data.rules.filter(r => r.outcome === 'created' || r.outcome === 'updated').length : 0
  const operator = may('operator') ? m?.state === 'running' ? 'The migration runs; stop it or wait for its end' : undefined : 'Needs the role operator'
  return (
    <>
      {now.error ? <ErrorState title="The state of the installation could not be read" error={now.error} retry={now.reload} /> : null}
      {now.data ? <StatusCard id={id} s={now.data} actions={running
        ? <Button small icon="stop" busy={end.busy} why={may('admin') ? undefined : 'Needs the role admin'} onClick={() => void end.run()}>Stop</Button>
        : early || failed.length > 0 ? <Button small kind="primary" icon="play" busy={begin.busy} why={operator} onClick={() => void begin.run()}>{early ? 'Resume' : 'Try the failed ones again'}</Button> : null} /> : null}
      {end.error ? <Note tone="error">{messageOf(end.error)}</Note> : null}
      <Card title={`Plan for ${kibana}`} actions={<>{choose}<Button small icon="retry" busy={plan.loading} onClick={plan.reload}>Look again</Button></>}>
        {plan.error ? <ErrorState title={`${kibana} could not be asked`} error={plan.error} retry={plan.reload} /> : !plan.data ? <Spinner label={`Asking ${kibana} what is there`} /> : <Plan id={id} plan={plan.data} />}
        <div class="install-options">
          <Toggle checked={overwrite} onChange={setOverwrite}>Overwrite rules that are there and differ</Toggle>
          <Toggle checked={enable} onChange={setEnable}>Enable fully translated rules when all are there</Toggle>
          {enable ? <Field label="over so much time" hint="So that they do not all run at once; such as 5m."><input value={spread} onInput={e => setSpread(e.currentTarget.value)} /></Field> : null}
        </div>
        <div class="row">
          <Button kind="primary" icon="upload" busy={begin.busy} disabled={running || !plan.data} why={operator} onClick={() => setAsk(true)}>{`Install ${count(todo, 'rule')}`}</Button>
          {begin.error ? <span class="inline-error" role="alert">{messageOf(begin.error)}</span> : null}
        </div>
      </Card>
      {ask ? (
        <Confirm kind="primary" title={`Install in ${kibana}?`} action={`Install ${count(todo, 'rule')}`} onClose={() => setAsk(false)} onConfirm={() => begin.run()}>
          {leftOutWords(plan.data?.left_out) ? <p class="muted small">Left out: {leftOutWords(plan.data?.left_out)}.</p> : null}
          <p><strong>{count(todo, 'rule')}</strong> {todo === 1 ? 'goes' : 'go'} to <strong>{kibana}</strong>, {enable ? `and fully translated ones are enabled over ${spread || 'no time'}` : 'disabled: you enable them there'}. {overwrite ? 'Rules that are there and differ are changed.' : 'Rules that are there and differ stay as they are.'}</p>
        </Confirm>
      ) : null}
    </>
  )
}

function Plan({id, plan}: {id: string; plan: InstallPlan}) {
  const sums = new Map(outcomeOrder.map(o => [o, plan.rules.filter(r => r.outcome === o)]))
  const [open, setOpen] = useState<PlannedRule['outcome'] | undefined>(undefined)
  const list = open ? sums.get(open) ?? [] : []
  const lacks = plan.lacks.filter(l => !l.creates)
  const most = 100
  return (
    <div class="stack tight">
      <div class="row" role="group" aria-label="Rules by what becomes of them">
        {outcomeOrder.filter(o => (sums.get(o)?.length ?? 0) > 0).map(o => (
          <button key={o} type="button" class="pick" aria-pressed={open === o} title={`Rules that ${outcomes[o].what}`} onClick={() => setOpen(open === o ? undefined : o)}><span class={`dot fill-${outcomes[o].tone}`} aria-hidden="true" />{outcomes[o].label} <b>{num(sums.get(o)?.length ?? 0)}</b></button>
        ))}
      </div>
      {leftOutWords(plan.left_out) ? <p class="muted small">Left out: {leftOutWords(plan.left_out)}.</p> : null}
      {open ? (
        <div class="found" tabIndex={0} role="region" aria-label={outcomes[open].label}>
          <p class="muted small">{count(list.length, 'rule')}: {list.length === 1 ? outcomes[open].one : outcomes[open].what}.</p>
          <table><thead><tr><th>Rule</th><th>As</th><th>Why, or what differs</th></tr></thead>
            <tbody>{list.slice(0, most).map(r => (
              <tr key={r.id}><td><a href={href(['m', id, 'rules', r.id])}>{r.title || r.id}</a></td><td>{r.kind === 'prebuilt' ? <Badge tone="matched">prebuilt</Badge> : r.kind === 'custom' ? <Badge>your rule</Badge> : ''}</td>
                <td><Said text={r.why ?? ''} />{(r.changes ?? []).map(c => <div key={c.setting} class="small"><strong>{c.setting}</strong>: {short(c.there)} → {short(c.here)}</div>)}</td></tr>
            ))}</tbody></table>
          {list.length > most ? <p class="muted small">The first {most} of {num(list.length)}.</p> : null}
        </div>
      ) : null}
      {lacks.length > 0 ? (
        <details class="more"><summary>{count(lacks.length, 'thing')} that rules need {lacks.length === 1 ? 'is' : 'are'} not there</summary>
          <ul class="plain-list">{lacks.map(l => <li key={l.kind + l.name}><span><Badge>{l.kind === 'stream' ? 'data stream' : l.kind}</Badge> <code>{l.name}</code></span><span class="muted small">{count(l.rules, 'rule')}</span></li>)}</ul>
        </details>
      ) : null}
      {plan.lacks.some(l => l.creates) ? <p class="muted small">Lookup indices that the installation makes: {plan.lacks.filter(l => l.creates).map(l => `${l.name} (${count(l.rows ?? 0, 'row')})`).join(', ')}.</p> : null}
    </div>
  )
}

function short(v: unknown): string {
  const t = typeof v === 'string' ? v : JSON.stringify(v) ?? 'none'
  return t.length > 120 ? t.slice(0, 119) + '…' : t
}

function StatusCard({id, s, actions}: {id: string; s: InstallStatus; actions: ComponentChildren}) {
  const c = s.counts
  const done = c.created + c.updated + c.unchanged + c.kept + c.prebuilt + c.left_out + c.failed
  const m = byID.value.get(id)
  const total = Math.max(m?.rules.total ?? 0, done)
  const shown: [string, number, Tone][] = [['created', c.created, 'full'], ['changed', c.updated, 'accent'], ['prebuilt', c.prebuilt, 'matched'], ['unchanged', c.unchanged, 'waiting'], ['kept', c.kept, 'approximations'], ['left out', c.left_out, 'waiting'], ['failed', c.failed, 'error'], ['enabled', c.enabled, 'full']]
  const failed = s.failures ?? []
  const state = s.running ? phases[s.phase] : s.phase === 'done' ? c.failed > 0 ? `Done, but ${count(c.failed, 'rule')} failed` : 'Done' : 'Ended early'
  return (
    <Card title={<>Installation in {s.kibana} <Badge tone={s.running ? 'accent' : s.phase === 'done' ? c.failed > 0 ? 'error' : 'full' : 'approximations'}>{state}</Badge></>} actions={actions}>
      <div class="stack tight">
        {s.running ? <Progress value={done} max={total} label="Rules that are through" /> : null}
        <div class="row counts" aria-live="polite">{shown.filter(([, n]) => n > 0).map(([label, n, tone]) => <span key={label} class="count"><span class={`dot fill-${tone}`} aria-hidden="true" /><b>{num(n)}</b> {label}</span>)}{done === 0 ? <span class="muted">No rule is through yet.</span> : null}</div>
        {leftOutWords(s.left_out_by) ? <p class="muted small">Left out: {leftOutWords(s.left_out_by)}.</p> : null}
        {!s.running && s.code ? <Note tone="warn" title={codes[s.code]?.[0] ?? words(s.code)}>{codes[s.code]?.[1] ?? ''}</Note> : null}
        {failed.length > 0 ? (
          <div class="table-wrap stacked" tabIndex={0} role="region" aria-label="Rules that failed"><table>
            <thead><tr><th>Rule that failed</th><th>What happened</th><th>What Kibana said</th></tr></thead>
            <tbody>{failed.map(f => <tr key={f.rule_id}><td><a href={href(['m', id, 'rules', f.rule_id])}>{f.rule_id}</a></td><td class="nowrap">{failures[f.code] ?? words(f.code)}{f.status ? ` (${f.status})` : ''}</td><td><Said text={f.why ?? ''} /></td></tr>)}</tbody>
          </table></div>
        ) : null}
      </div>
    </Card>
  )
}

function Files({id, other, take, counts}: {id: string; other: boolean; take: Take | undefined; counts: ExportCounts | undefined}) {
  const m = byID.value.get(id)
  const [exceptions, setExceptions] = useState(false)
  const base = (m?.name || id).replace(/[^\w.-]+/g, '-').toLowerCase()
  const get = useAction(async (what: string, query: Record<string, string | boolean | undefined>, name: string) => {
    await download(of(id, what), query, name)
    if (what !== '/export' || !counts || !take) return
    const {rules, leftOut} = taken(counts, take)
    const why = leftOutWords(leftOut)
    toast(`${count(rules, 'rule')} exported${why ? `; left out: ${why} (left-out.ndjson names them)` : ''}`, {kind: 'good'})
  })
  const item = (label: string, hint: string, what: string, query: Record<string, string | boolean | undefined>, ext: string) => (
    <li><button type="button" class="file" disabled={get.busy} onClick={() => void get.run(what, query, `${base}.${ext}`)}>
      <span class="file-name">{label}</span><span class="muted small">{hint}</span></button></li>
  )
  return (
    <>
      <Card title="Report">
        <ul class="files">
          {item('HTML', 'One page with every rule, up to 2,000; to hand on', '/report', {format: 'html'}, 'report.html')}
          {item('CSV', 'A row a rule, for a spreadsheet', '/report', {format: 'csv'}, 'report.csv')}
          {item('Markdown', 'The summary, for a ticket', '/report', {format: 'md'}, 'report.md')}
          {item('JSON', 'The summary, for a program', '/report', {format: 'json'}, 'report.json')}
        </ul>
      </Card>
      <Card title="Export">
        <p class="muted small export-lead">{other ? 'The other way, without a Kibana here: download the rules and import them there yourself.' : 'The same rules as files, to import yourself.'}</p>
        {counts && take ? <p class="small">{count(taken(counts, take).rules, 'rule')}{leftOutWords(taken(counts, take).leftOut) ? <span class="muted">; left out: {leftOutWords(taken(counts, take).leftOut)}</span> : null}.</p> : null}
        <ul class="files">
          {item('For Kibana\'s import', 'A .zip with NDJSON: rules, disabled, lookups, what is left out and why', '/export', {format: 'ndjson', take, exceptions: exceptions || undefined}, 'export.zip')}
          {item('For detections as code', 'A .zip with TOML, laid out as Elastic\'s detection-rules', '/export', {format: 'toml', take, exceptions: exceptions || undefined}, 'export-toml.zip')}
        </ul>
        <Toggle checked={exceptions} onChange={setExceptions}>Filter macros as exception lists</Toggle>
        <p class="muted small">Where a list says exactly the same as the macro leaves out.</p>
      </Card>
      {get.error ? <Note tone="error" title="The file could not be fetched">{messageOf(get.error)}</Note> : null}
    </>
  )
}
