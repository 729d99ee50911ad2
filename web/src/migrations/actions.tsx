import {useState} from 'preact/hooks'
import type {Migration} from '../api/types'
import {useAction} from '../load'
import {may, session, workflowLink} from '../session'
import {Button, Menu, toast, toastError, type MenuItem} from '../ui'
import {DeleteDialog, defaultConnector, RenameDialog, StartDialog} from './dialogs'
import {start, stop} from './store'

/** What can be done with a migration: the next step as a button, the rest in a menu. */
export function MigrationActions({m, onChange, onDeleted, small}: {m: Migration; onChange: () => void; onDeleted?: () => void; small?: boolean}) {
  const [open, setOpen] = useState<'' | 'rename' | 'delete' | 'pending' | 'failed' | 'not_full'>('')
  const operator = may('operator') ? undefined : 'Needs the role operator'
  const admin = may('admin') ? undefined : 'Needs the role admin'
  const left = m.rules.pending + m.rules.processing
  const run = useAction(async () => {
    try {
      if (m.state === 'running') {
        await stop(m.id)
        toast('The migration is stopping; rules being worked on go back to pending', {kind: 'info'})
      } else {
        const started = await start(m.id, defaultConnector(m))
        if (!started) toast('There was nothing to do', {kind: 'info'})
      }
      onChange()
    } catch (err) {
      toastError(err)
    }
  })
  const link = workflowLink(m.id)
  const running = m.state === 'running' ? 'It runs; stop it first' : undefined
  const items: MenuItem[] = [
    {label: 'Start with a choice', icon: 'play', hint: 'Connector, and which rules', why: operator ?? running, onSelect: () => setOpen('pending')},
    {label: 'Retry failed rules', icon: 'retry', why: operator ?? running ?? (m.rules.failed === 0 ? 'No rule is in error' : undefined), onSelect: () => setOpen('failed')},
    {label: 'Retry rules that are not full', icon: 'retry', why: operator ?? running, onSelect: () => setOpen('not_full')},
    ...(link ? [{label: 'Workflow in the Temporal UI', icon: 'external' as const, onSelect: () => { window.open(link, '_blank', 'noreferrer') }}] : []),
    {label: 'Rename', icon: 'edit', why: operator, onSelect: () => setOpen('rename')},
    {label: 'Delete', icon: 'trash', danger: true, why: admin, onSelect: () => setOpen('delete')},
  ]
  const close = () => setOpen('')
  return (
    <div class="row one-line actions">
      {m.state === 'running' ? <Button small={small} icon="stop" busy={run.busy} why={operator} onClick={() => void run.run()}>Stop</Button>
        : left > 0 && m.state !== 'creating' ? <Button small={small} kind="primary" icon="play" busy={run.busy} why={operator} title={`With ${session.value ? defaultConnector(m) : ''}`} onClick={() => void run.run()}>{m.state === 'stopped' ? 'Go on' : 'Start'}</Button>
          : null}
      <Menu small={small} label={`More for ${m.name || m.id}`} items={items} />
      {open === 'rename' ? <RenameDialog m={m} onClose={close} onDone={onChange} /> : null}
      {open === 'delete' ? <DeleteDialog m={m} onClose={close} onDone={() => { onChange(); onDeleted?.() }} /> : null}
      {open === 'pending' || open === 'failed' || open === 'not_full' ? <StartDialog m={m} what={open} onClose={close} onDone={onChange} /> : null}
    </div>
  )
}
