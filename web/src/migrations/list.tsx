import {useState} from 'preact/hooks'
import {api, B, messageOf} from '../api/client'
import {useEvents} from '../api/events'
import type {Imported, Migration} from '../api/types'
import {useAction, useLoad, useThrottled} from '../load'
import {href} from '../router'
import {may, session} from '../session'
import {bytes, count, Empty, ErrorState, Note, num, Said, Spinner, StateBadge, Time, Toggle} from '../ui'
import {MigrationActions} from './actions'
import {ImportedDialog} from './dialogs'
import {Drop} from './drop'
import {form, gather, type Upload} from './files'
import {MigrationProgress, Parked} from './progress'
import {load, migrations, take} from './store'
import type {PathFile} from './tar'

/** All migrations, with their progress, and a place to drop new ones. */
export function MigrationList() {
  const on = session.value?.features.migrations
  const read = useLoad(s => on ? load(s) : Promise.resolve(), [on])
  const again = useThrottled(read.reload, 2000)
  useEvents(e => { if (take(e)) again() })
  if (!on) return <Empty title="Migrations are switched off">Set <code>features.siemMigrationsEnabled</code> in the gateway's configuration to use them.</Empty>
  const list = migrations.value
  if (!list) return read.error ? <ErrorState title="The migrations could not be read" error={read.error} retry={read.reload} /> : <Spinner label="Reading the migrations" />
  return (
    <div class="stack">
      <h1 class="visually-hidden">Migrations</h1>
      <NewMigration first={list.length === 0} onDone={read.reload} />
      {read.error ? <ErrorState title="This list may be old" error={read.error} retry={read.reload} /> : null}
      {list.length > 0 ? <ul class="migrations" aria-label="Migrations">{[...list].reverse().map(m => <Item key={m.id} m={m} onChange={read.reload} />)}</ul> : null}
    </div>
  )
}

function Item({m, onChange}: {m: Migration; onChange: () => void}) {
  return (
    <li class="card migration-item">
      <div class="migration-item-head">
        <div class="migration-name-line">
          <a class="migration-name" href={href(['m', m.id])}>{m.name || m.id}</a>
          <StateBadge state={m.state} parked={Boolean(m.park_reason) && m.state !== 'running'} />
        </div>
        <span class="muted small migration-facts">
          {count(m.rules.total, 'rule')}{m.connector_id ? ` · ${m.connector_id}` : ''} · {m.created_by && m.created_by !== 'anonymous' ? `by ${m.created_by}, ` : ''}<Time at={m.last_updated_at} />
        </span>
        <MigrationActions m={m} onChange={onChange} small />
      </div>
      <MigrationProgress m={m} />
      <Parked m={m} />
      {m.error ? <Note tone="error">{m.error}</Note> : null}
    </li>
  )
}

/** Splits what an import says of several places: "no rule could be read: a.conf:1: …; a.conf:2: …". */
export function faults(message: string): {what: string; places: string[]} {
  const first = /^(.*?): (?=\S+:\d+: )/.exec(message)
  if (!first) return {what: message, places: []}
  return {what: (first[1] ?? '') + ':', places: message.slice(first[0].length).split(/; (?=\S+:\d+: )/)}
}

/** Why nothing of an upload was taken, place by place. */
function Refused({message}: {message: string}) {
  const {what, places} = faults(message)
  return (
    <Note tone="error" title="The files were not taken">
      <p>{what}</p>
      {places.length > 0 ? <ul class="faults">{places.map(f => <li key={f}><Said text={f} /></li>)}</ul> : null}
    </Note>
  )
}

function NewMigration({first, onDone}: {first: boolean; onDone: () => void}) {
  const [all, setAll] = useState(false)
  const [up, setUp] = useState<Upload | undefined>(undefined)
  const [found, setFound] = useState<{imported: Imported; up: Upload} | undefined>(undefined)
  const send = useAction(async (files: PathFile[]) => {
    const u = gather(files)
    if (u.parts.length === 0) throw new Error(`None of the ${num(u.left)} files is of a kind that import reads: .conf, .csv, .json, .ndjson, .yml, .tgz, .spl, .tar.`)
    setUp(u)
    setFound({imported: await api.post<Imported>(B + '/import', form(u), {query: {all: all || undefined}}), up: u})
    onDone()
  })
  if (!may('operator')) return first ? <Empty title="There are no migrations yet">Somebody with the role operator can create one.</Empty> : null
  return (
    <section aria-label="New migration" class="stack tight">
      <Drop wholePage title={first ? 'Drop what you have of Splunk here' : 'New migration: drop files or a folder'} compact={!first} onFiles={list => void send.run(list)}
        busy={send.busy ? up ? `Reading ${count(up.files, 'file')}, ${bytes(up.bytes)}` : 'Reading the files' : undefined}>
        {first ? 'savedsearches.conf, macros.conf and lookups; a whole app as a folder, .tgz or .spl; the output of btool; a search export as CSV or JSON; detections as YAML.' : 'An app, .conf files, search exports, YAML'}
      </Drop>
      <div class="row spread">
        <Toggle checked={all} onChange={setAll} title="Searches without an alert, too; those that fill lookups or summaries use outputlookup or collect">Take reports and searches that fill lookups or summaries, too</Toggle>
        {first ? <span class="muted small">Nothing leaves this gateway.</span> : null}
      </div>
      {send.error ? <Refused message={messageOf(send.error)} /> : null}
      {found ? <ImportedDialog found={found.imported} title={found.up.title} left={found.up.left} onClose={() => { setFound(undefined); onDone() }} /> : null}
    </section>
  )
}
