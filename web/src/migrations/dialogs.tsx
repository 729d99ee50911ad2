import {useEffect, useRef, useState} from 'preact/hooks'
import {messageOf} from '../api/client'
import type {Imported, Migration} from '../api/types'
import {useAction} from '../load'
import {go, href} from '../router'
import {may, session} from '../session'
import {Button, Confirm, count, Dialog, Field, Note, num, toast, toastError} from '../ui'
import {ImportedReport} from './imported'
import {remove, rename, start, type StartOptions} from './store'

/** The connector to start with when nobody chose: the migration's own, or the first declared that has a model, or the one without. */
export function defaultConnector(m?: Migration): string {
  const all = session.value?.connectors ?? []
  return all.find(c => c.id === m?.connector_id)?.id ?? all.find(c => c.id === 'deterministic')?.id ?? all[0]?.id ?? 'deterministic'
}

export function ConnectorField({value, onChange}: {value: string; onChange: (id: string) => void}) {
  const all = session.value?.connectors ?? []
  const known = all.length > 0 ? all : [{id: 'deterministic', kind: 'deterministic'}]
  return (
    <Field label="Connector" hint={value === 'deterministic' ? 'The compiler alone; nothing leaves this house.' : 'The compiler first; what it cannot say, the model of this connector drafts.'}>
      <select value={value} onChange={e => onChange(e.currentTarget.value)}>
        {known.map(c => <option key={c.id} value={c.id}>{c.id}{c.kind && c.kind !== c.id ? ` (${c.kind})` : ''}</option>)}
      </select>
    </Field>
  )
}

/** After an import of a new migration: what was found, its name, and the start. */
export function ImportedDialog({found, title, left, onClose}: {found: Imported; title: string; left: number; onClose: () => void}) {
  const [name, setName] = useState(title)
  const [connector, setConnector] = useState(defaultConnector())
  const named = useRef('')
  // A name that cannot be set keeps nobody from starting.
  const save = async () => {
    const next = name.trim()
    if (!next || next === named.current || !may('operator')) return
    try {
      await rename(found.migration_id, next)
      named.current = next
    } catch (err) {
      toastError(err, 'The name was not set')
    }
  }
  // The migration has a name also where the browser is closed now.
  useEffect(() => void save(), [])
  const later = useAction(async () => {
    await save()
    toast(`${name.trim() || found.migration_id} is ready: start it whenever you like`, {kind: 'info'})
    onClose()
  })
  const run = useAction(async () => {
    await save()
    await start(found.migration_id, connector)
    go(href(['m', found.migration_id]))
    onClose()
  })
  return (
    <Dialog wide title="What was found" onClose={() => void later.run()} footer={<>
      <Button busy={later.busy} onClick={() => void later.run()}>Start later</Button>
      <Button kind="primary" icon="play" busy={run.busy} onClick={() => void run.run()}>Start the migration</Button>
    </>}>
      <ImportedReport found={found} left={left} />
      <div class="two">
        <Field label="Name of the migration"><input value={name} maxLength={256} onInput={e => setName(e.currentTarget.value)} onKeyDown={e => { if (e.key === 'Enter' && !e.isComposing && !run.busy) void run.run() }} /></Field>
        <ConnectorField value={connector} onChange={setConnector} />
      </div>
      <p class="muted">Closed without a start, the migration stays in the list, ready to start.</p>
      {run.error || later.error ? <Note tone="error">{messageOf(run.error ?? later.error)}</Note> : null}
    </Dialog>
  )
}

export function RenameDialog({m, onClose, onDone}: {m: Migration; onClose: () => void; onDone: () => void}) {
  const [name, setName] = useState(m.name)
  const act = useAction(async () => {
    await rename(m.id, name.trim())
    onDone()
    onClose()
  })
  return (
    <Dialog title="Rename the migration" onClose={onClose} footer={<>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" busy={act.busy} disabled={!name.trim()} onClick={() => void act.run()}>Rename</Button>
    </>}>
      <Field label="Name"><input value={name} maxLength={256} onInput={e => setName(e.currentTarget.value)} onKeyDown={e => { if (e.key === 'Enter' && name.trim()) void act.run() }} /></Field>
      {act.error ? <Note tone="error">{messageOf(act.error)}</Note> : null}
    </Dialog>
  )
}

export function DeleteDialog({m, onClose, onDone}: {m: Migration; onClose: () => void; onDone: () => void}) {
  return (
    <Confirm title="Delete the migration?" action={`Delete ${count(m.rules.total, 'rule')}`} onClose={onClose} onConfirm={async () => {
      await remove(m.id)
      toast(`${m.name || m.id} is deleted`)
      onDone()
    }}>
      <p><strong>{m.name || m.id}</strong> goes with its <strong>{count(m.rules.total, 'rule')}</strong>: their translations, edits, reviews and comments{m.state === 'running' ? '; it is stopped first' : ''}. This cannot be undone.</p>
      <p class="muted">Rules that are installed in a Kibana stay there.</p>
    </Confirm>
  )
}

type What = 'pending' | 'failed' | 'not_full'

/** Starts a migration with a choice: which connector, and which rules once more. */
export function StartDialog({m, what: first, onClose, onDone}: {m: Migration; what: What; onClose: () => void; onDone: () => void}) {
  const [connector, setConnector] = useState(defaultConnector(m))
  const [what, setWhat] = useState<What>(first)
  const act = useAction(async () => {
    const o: StartOptions = what === 'failed' ? {retry_filter: {failed: true}} : what === 'not_full' ? {retry_filter: {failed: true, not_fully_translated: true}} : {}
    const started = await start(m.id, connector, o)
    toast(started ? 'The migration runs' : 'There was nothing to do', {kind: started ? 'good' : 'info'})
    onDone()
    onClose()
  })
  const choice = (w: What, label: string, hint: string, off = false) => (
    <label class="choice"><input type="radio" name="what" checked={what === w} disabled={off} onChange={() => setWhat(w)} /><span><strong>{label}</strong><span class="field-hint">{hint}</span></span></label>
  )
  return (
    <Dialog title="Start the migration" onClose={onClose} footer={<>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" icon="play" busy={act.busy} onClick={() => void act.run()}>Start</Button>
    </>}>
      <div class="stack tight" role="radiogroup" aria-label="Which rules">
        {choice('pending', 'Rules that are pending', `${num(m.rules.pending)} of ${count(m.rules.total, 'rule')}`)}
        {choice('failed', 'and those in error', `${num(m.rules.failed)} failed for good; their code says why`, m.rules.failed === 0)}
        {choice('not_full', 'and those that are not full', 'Partial and untranslatable ones are translated anew. Rules that somebody edited, accepted or rejected are left as they are.')}
      </div>
      <ConnectorField value={connector} onChange={setConnector} />
      {act.error ? <Note tone="error">{messageOf(act.error)}</Note> : null}
    </Dialog>
  )
}
