import {useState} from 'preact/hooks'
import {api, messageOf, of} from '../api/client'
import type {Concerns, Imported, Resource} from '../api/types'
import {useAction} from '../load'
import {byID, start, stop, type StartOptions} from '../migrations/store'
import {defaultConnector} from '../migrations/dialogs'
import {Drop} from '../migrations/drop'
import {form, gather} from '../migrations/files'
import {ImportedReport} from '../migrations/imported'
import type {PathFile} from '../migrations/tar'
import {may} from '../session'
import {Button, count, Field, Note, toast} from '../ui'
import {parseCSV} from './csv'
import {arity} from './words'

interface GiveProps {
  migrationID: string
  kind: 'macro' | 'lookup' | 'conf'
  name: string
  onDone: () => void
}

/** Which rules to do again after definitions came: those that the gateway names, or all that are not full when it names only the first. */
export function again(c: Concerns): StartOptions['retry_filter'] | undefined {
  if (c.total === 0) return undefined
  return c.total > c.rule_ids.length ? {not_fully_translated: true} : {ids: c.rule_ids}
}

/** A place to give what is missing: a file, or a definition that is typed. The rules it concerns are done again. */
export function Give({migrationID, kind, name, onDone}: GiveProps) {
  const m = byID.value.get(migrationID)
  const [definition, setDefinition] = useState('')
  const n = arity(name)
  const [args, setArgs] = useState(n > 0 ? Array.from({length: n}, (_, i) => `arg${i + 1}`).join(', ') : '')
  const [found, setFound] = useState<Imported | undefined>(undefined)

  const retry = async (c: Concerns) => {
    const filter = again(c)
    if (filter && m) {
      await start(migrationID, defaultConnector(m), {retry_filter: filter})
      toast(`${name} is there; ${count(c.total, 'rule is', 'rules are')} translated again`)
    } else toast(`${name} is there; no rule that is done needs it`, {kind: 'info'})
    onDone()
  }
  const store = async (r: Resource) => {
    const res = await api.post<{upserted: number; concerns: Concerns}>(of(migrationID, '/resources'), [r])
    await retry(res.concerns)
  }
  const typed = useAction(async () => {
    const list = args.split(',').map(a => a.trim()).filter(Boolean)
    if (list.length !== n) throw new Error(`${name} takes ${count(n, 'argument')}; ${list.length} are named.`)
    await store({type: 'macro', name, definition: definition.trim(), ...(n > 0 ? {arguments: list} : {})})
  })
  const file = useAction(async (files: PathFile[]) => {
    const one = files[0]
    setFound(undefined)
    if (kind === 'lookup' && files.length === 1 && one && /\.(csv|txt)$/i.test(one.path)) {
      const table = parseCSV(await one.file.text())
      await store({type: 'lookup', name, columns: table.columns, rows: table.rows})
      return
    }
    const imported = await api.post<Imported>(of(migrationID, '/import'), form(gather(files)))
    setFound(imported)
    await retry(imported.concerns)
  })
  const halt = useAction(async () => { await stop(migrationID) })

  if (!may('operator')) return <Note>Somebody with the role operator can give {name} here.</Note>
  if (m?.state === 'running') {
    return <Note title="The migration runs">Definitions are taken when it stands. <Button small icon="stop" busy={halt.busy} onClick={() => void halt.run()}>Stop it</Button>{halt.error ? <p>{messageOf(halt.error)}</p> : null}</Note>
  }
  const error = typed.error ?? file.error
  return (
    <div class="give">
      <Drop compact onFiles={list => void file.run(list)} busy={file.busy ? 'Reading' : undefined} folders={kind !== 'lookup'}
        title={kind === 'lookup' ? `Drop ${/\.csv$/i.test(name) ? name : `the CSV of ${name}`}` : kind === 'macro' ? 'Drop macros.conf, or the app that has it' : 'Drop eventtypes.conf or tags.conf, or the app that has it'}>
        {kind === 'lookup' ? 'The first line names the columns. An app that has it will do, too.' : 'Any .conf, .tgz or .spl'}
      </Drop>
      {kind === 'macro' ? (
        <div class="give-form">
          <Field label={`or type the definition of ${name}`} hint={definition.trim() === '' ? 'As Splunk has it in Settings, Advanced search, Search macros. An empty filter macro is search *.' : undefined}>
            <textarea class="mono" spellcheck={false} value={definition} onInput={e => setDefinition(e.currentTarget.value)} placeholder="index=wineventlog sourcetype=XmlWinEventLog" />
          </Field>
          {n > 0 ? <Field label="Its arguments" hint="In the definition they stand as $name$."><input class="mono" value={args} onInput={e => setArgs(e.currentTarget.value)} /></Field> : null}
          <div class="row"><Button kind="primary" busy={typed.busy} disabled={definition.trim() === ''} onClick={() => void typed.run()}>Define and translate again</Button></div>
        </div>
      ) : null}
      {error ? <Note tone="error">{messageOf(error)}</Note> : null}
      {found ? <ImportedReport found={found} /> : null}
    </div>
  )
}
