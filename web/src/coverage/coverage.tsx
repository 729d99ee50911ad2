import {useState} from 'preact/hooks'
import {api, of} from '../api/client'
import {useEvents} from '../api/events'
import type {Report, SourceNeed} from '../api/types'
import {useLoad, useThrottled} from '../load'
import {classParts} from '../overview/overview'
import {href, type ViewProps} from '../router'
import {session} from '../session'
import {Badge, Card, classNames, classOrder, count, Empty, ErrorState, Note, num, PartsBar, percent, Spinner} from '../ui'
import {best, covers, matrix, type Cell, type Column} from './matrix'

type Shown = 'all' | 'lost' | 'doubtful'

/** What the rules cover of MITRE ATT&CK before and after, and what data they need. */
export function CoverageView({params}: ViewProps) {
  const id = params['id'] ?? ''
  const read = useLoad(s => api.get<Report>(of(id, '/report'), {format: 'json'}, s), [id])
  const again = useThrottled(read.reload, 3000)
  useEvents(e => { if (e.kind === 'reset' || (e.kind === 'stats' && e.stats.migration_id === id)) again() })
  if (!read.data) return read.error ? <ErrorState title="The report could not be read" error={read.error} retry={read.reload} /> : <Spinner label="Reading the coverage" />
  return (
    <div class="stack">
      <Matrix id={id} report={read.data} />
      <Sources id={id} />
    </div>
  )
}

function Matrix({id, report}: {id: string; report: Report}) {
  const [shown, setShown] = useState<Shown>('all')
  const columns = matrix(report.mitre)
  const unknown = report.mitre.unknown ?? []
  const all = new Map(columns.flatMap(c => c.cells.map(x => [x.id, x] as const)))
  const lost = [...all.values()].filter(c => c.after === 0).length
  const doubtful = [...all.values()].filter(c => c.after > 0 && best(c.by) !== 'full' && best(c.by) !== 'matched').length
  if (columns.length === 0) {
    return <Card title="MITRE ATT&CK"><Empty title="No rule names a technique">Techniques come with the rules: as annotations of a savedsearches.conf (<code>action.correlationsearch.annotations</code>), or as <code>mitre_attack_ids</code> of the API.</Empty></Card>
  }
  const fits = (c: Cell) => shown === 'all' || (shown === 'lost' ? c.after === 0 : c.after > 0 && best(c.by) !== 'full' && best(c.by) !== 'matched')
  const filter = (s: Shown, label: string, n: number) => <button type="button" class="pick" aria-pressed={shown === s} onClick={() => setShown(s)}>{label} <b>{num(n)}</b></button>
  return (
    <Card title="MITRE ATT&CK, before and after" actions={<div class="row" role="group" aria-label="Techniques to show">
      {filter('all', 'All techniques', all.size)}{filter('doubtful', 'Only in part', doubtful)}{filter('lost', 'Not covered', lost)}
    </div>}>
      <p class="coverage-sum"><strong>{num(report.mitre.techniques_after)}</strong> of the <strong>{count(report.mitre.techniques_before, 'technique')}</strong> that your rules name in Splunk have a rule to install in Elastic: {percent(report.mitre.techniques_after, report.mitre.techniques_before)}. In each cell stand the rules before and after.</p>
      <ul class="coverage-key" aria-label="What the colours mean">
        <li><span class="dot fill-full" aria-hidden="true" />full or prebuilt</li><li><span class="dot fill-approximations" aria-hidden="true" />approximations</li>
        <li><span class="dot fill-partial" aria-hidden="true" />partial, with holes</li><li><span class="dot fill-untranslatable" aria-hidden="true" />no rule left</li>
      </ul>
      <div class="matrix">
        {columns.map(c => <TacticColumn key={c.tactic.id} id={id} c={{...c, cells: c.cells.filter(fits)}} all={c.cells.length} />)}
      </div>
      {unknown.length > 0 ? <Note tone="warn" title="Ids that MITRE ATT&CK does not know">{unknown.map(u => `${u.name} (${count(u.rules, 'rule')})`).join(', ')}</Note> : null}
    </Card>
  )
}

function TacticColumn({id, c, all}: {id: string; c: Column; all: number}) {
  const t = c.tactic
  if (c.cells.length === 0 && all > 0) return null
  return (
    <section class="tactic" aria-label={t.name}>
      <a class="tactic-head" href={href(['m', id, 'rules'], {tactic: t.id})}>
        <strong>{t.name}</strong>
        <span class="muted small">{num(t.rules)} → {num(covers(t.by))} rules</span>
      </a>
      <PartsBar thin label={t.name} parts={classParts(t.by).map(p => ({...p, label: p.label.toLowerCase()}))} total={t.rules} />
      <ul>
        {c.cells.map(x => (
          <li key={x.id}>
            <a class={`cell cell-${best(x.by) ?? 'none'}${x.sub ? ' sub' : ''}`} href={href(['m', id, 'rules'], {technique: x.id})} title={`${x.id} ${x.name}: ${classOrder.filter(k => x.by[k]).map(k => `${num(x.by[k] ?? 0)} ${classNames[k].toLowerCase()}`).join(', ')}`}>
              <span class="cell-name">{x.name}</span>
              <span class="cell-id mono">{x.id}</span>
              <span class="cell-n">{num(x.before)} → {num(x.after)}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}

const words = {yes: 'there', no: 'missing', unknown: 'not known'} as const
const tones = {yes: 'full', no: 'untranslatable', unknown: 'waiting'} as const

function Sources({id}: {id: string}) {
  const read = useLoad(s => api.get<SourceNeed[]>(of(id, '/sources'), undefined, s), [id])
  const [only, setOnly] = useState(false)
  const list = read.data ?? []
  const missing = list.filter(s => s.present === 'no')
  const cluster = session.value?.elasticsearch || list.some(s => s.present !== 'unknown')
  const sorted = [...(only ? missing : list)].sort((a, b) => Number(b.present === 'no') - Number(a.present === 'no') || b.rules - a.rules || (a.pattern < b.pattern ? -1 : 1))
  return (
    <Card title="Data sources" actions={missing.length > 0 ? <button type="button" class="pick" aria-pressed={only} onClick={() => setOnly(!only)}>Missing <b>{num(missing.length)}</b></button> : undefined}>
      {read.error ? <ErrorState title="The data sources could not be read" error={read.error} retry={read.reload} /> : !read.data ? <Spinner label="Asking for the data sources" /> : list.length === 0 ? <Empty title="No translation reads an index yet" /> : (
        <>
          {cluster ? missing.length > 0 ? <Note tone="warn" title={`${count(missing.length, 'pattern')} your rules read ${missing.length === 1 ? 'is' : 'are'} missing in your Elasticsearch`}>Install the integrations that bring them, then the rules that need them can fire.</Note> : <p class="muted">Everything that the rules read is there.</p>
            : <p class="muted">No Elasticsearch is configured, so that nobody can say what is there. These are the index patterns that the rules read.</p>}
          <div class="table-wrap" tabIndex={0} role="region" aria-label="Index patterns that the rules read"><table>
            <thead><tr><th>Index pattern</th><th class="n">Rules</th>{cluster ? <th>In your cluster</th> : null}</tr></thead>
            <tbody>{sorted.map(s => (
              <tr key={s.pattern}><td class="mono small"><a href={href(['m', id, 'rules'], {source: s.pattern})}>{s.pattern}</a></td><td class="n">{num(s.rules)}</td>{cluster ? <td><Badge tone={tones[s.present]}>{words[s.present]}</Badge></td> : null}</tr>
            ))}</tbody>
          </table></div>
        </>
      )}
    </Card>
  )
}
