import {useState} from 'preact/hooks'
import type {Imported, ImportItem} from '../api/types'
import {Badge, count, num, Note, Said, type Tone} from '../ui'

const outcomes: Record<ImportItem['outcome'], {label: string; tone: Tone}> = {
  error: {label: 'Not read', tone: 'untranslatable'},
  skipped: {label: 'Skipped', tone: 'approximations'},
  known: {label: 'Kept, not used yet', tone: 'waiting'},
  taken: {label: 'Taken', tone: 'full'},
}

const order: ImportItem['outcome'][] = ['error', 'skipped', 'known', 'taken']

/** Where a thing stands: file, line or element. The archive that this page makes of a folder is named by no path. */
export function place(i: ImportItem): string {
  return i.file.replace(/^([^/!]+)\.tar!\/(?=\1\/)/, '') + (i.line ? `, line ${i.line}` : '') + (i.element ? `, element ${i.element}` : '')
}

/** Why something was not taken, with the way that this page has where the command line has a flag. */
export function why(i: ImportItem): string {
  return (i.why ?? '').replace(/; --all takes it too$/, '')
}

/** Kinds of things in the words of people who use Splunk, one and many; the others are called what the import calls them. */
const kindNames: Record<string, [string, string]> = {
  filler: ['search that fills a lookup or summary', 'searches that fill lookups or summaries'],
  eventtype: ['event type', 'event types'],
  datamodel: ['data model', 'data models'],
}

/** What a kind of thing is called. */
export function kindName(kind: string): string {
  return kindNames[kind]?.[0] ?? kind
}

/** A number of things of a kind. */
export function kindCount(n: number, kind: string): string {
  const [one, many] = kindNames[kind] ?? [kind, kind + 's']
  return count(n, one, many)
}

const most = 100

/** What an import found and what became of it. */
export function ImportedReport({found, left}: {found: Imported; left?: number}) {
  const sum = (o: ImportItem['outcome']) => found.counts.filter(c => c.outcome === o).reduce((a, c) => a + c.n, 0)
  const [shown, setShown] = useState<ImportItem['outcome'] | undefined>(order.find(o => o !== 'taken' && o !== 'known' && sum(o) > 0))
  const kinds = (o: ImportItem['outcome']) => found.counts.filter(c => c.outcome === o).map(c => kindCount(c.n, c.kind)).join(', ')
  const items = found.items.filter(i => i.outcome === shown)
  return (
    <div class="stack tight">
      <p><strong>{count(found.added, 'rule')}</strong> and {count(found.upserted, 'definition')} (macros, lookups and the like) were taken.{found.disabled > 0 ? ` ${count(found.disabled, 'rule is', 'rules are')} disabled in Splunk.` : ''}</p>
      {left ? <p class="muted small">{count(left, 'file')} of the folder {left === 1 ? 'was' : 'were'} not sent: import does not read such kinds.</p> : null}
      <div class="row" role="group" aria-label="What was found, by what became of it">
        {order.filter(o => sum(o) > 0).map(o => (
          <button key={o} type="button" class="pick" aria-pressed={shown === o} title={kinds(o)} onClick={() => setShown(shown === o ? undefined : o)}>
            <span class={`dot fill-${outcomes[o].tone}`} aria-hidden="true" />{outcomes[o].label} <b>{num(sum(o))}</b>
          </button>
        ))}
      </div>
      {shown ? (
        <div class="found" tabIndex={0} role="region" aria-label={outcomes[shown].label}>
          <table>
            <thead><tr><th>What</th><th>Where</th><th>Why</th></tr></thead>
            <tbody>
              {items.slice(0, most).map((i, n) => <tr key={n}><td>{i.kind ? <Badge>{kindName(i.kind)}</Badge> : null} {i.name}</td><td class="mono small">{place(i)}</td><td><Said text={why(i)} /></td></tr>)}
            </tbody>
          </table>
          {items.some(i => i.why !== undefined && why(i) !== i.why) ? <p class="muted small">To take searches without an alert, close this and switch on “Take reports and searches that fill lookups or summaries, too” before you drop the files.</p> : null}
          {items.length > most ? <p class="muted small">The first {most} of {num(items.length)}.</p> : null}
          {items.length < sum(shown) && items.length <= most ? <p class="muted small">{num(items.length)} of {num(sum(shown))} are named.</p> : null}
        </div>
      ) : null}
      {found.added === 0 ? <Note tone="warn" title="No new rules">Rules that are there already stay as they are.</Note> : null}
    </div>
  )
}
