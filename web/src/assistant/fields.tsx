import {useState} from 'preact/hooks'
import {A, api, messageOf} from '../api/client'
import type {FieldSetting} from '../api/types'
import {useAction, useLoad} from '../load'
import {may} from '../session'
import {Button, count, Dialog, ErrorState, Note, num, Spinner, Time, toast, VirtualList} from '../ui'

type Answer = {total: number; data: FieldSetting[]}
type Change = {field: string; allowed?: boolean; anonymized?: boolean; reset?: boolean}

const path = A + '/anonymization_fields'

/** The settings with changes that are not stored yet. */
export function withChanges(list: FieldSetting[], changes: Map<string, Change>): FieldSetting[] {
  return list.map(f => {
    const c = changes.get(f.field)
    return c ? {...f, allowed: c.allowed ?? f.allowed, anonymized: c.anonymized ?? f.anonymized} : f
  })
}

/** Which fields of alerts may leave, and which are masked. */
export function FieldsDialog({onClose}: {onClose: () => void}) {
  const read = useLoad(s => api.get<Answer>(path, undefined, s), [])
  const [changes, setChanges] = useState(new Map<string, Change>())
  const [q, setQ] = useState('')
  const [only, setOnly] = useState<'all' | 'allowed' | 'anonymized'>('all')
  const [added, setAdded] = useState('')
  const admin = may('admin')
  const save = useAction(async () => {
    const res = await api.put<Answer>(path, [...changes.values()])
    read.set(res)
    toast(`${count(changes.size, 'field is', 'fields are')} set`)
    setChanges(new Map())
  })
  const reset = useAction(async (field: string) => {
    read.set(await api.put<Answer>(path, [{field, reset: true}]))
  })
  const change = (f: FieldSetting, c: Partial<Change>) => {
    const next = new Map(changes)
    next.set(f.field, {field: f.field, allowed: f.allowed, anonymized: f.anonymized, ...c})
    setChanges(next)
  }
  const all = withChanges(read.data?.data ?? [], changes)
  const extra = [...changes.values()].filter(c => !all.some(f => f.field === c.field)).map(c => ({field: c.field, allowed: c.allowed ?? false, anonymized: c.anonymized ?? false}))
  const list: FieldSetting[] = [...extra, ...all]
  const shown = list.filter(f => f.field.toLowerCase().includes(q.toLowerCase()) && (only === 'all' || (only === 'allowed' ? f.allowed : f.allowed && f.anonymized)))
  const chip = (id: typeof only, label: string, n: number) => <button type="button" class="pick" aria-pressed={only === id} onClick={() => setOnly(id)}>{label} <b>{num(n)}</b></button>
  return (
    <Dialog wide title="Fields of alerts" onClose={onClose} footer={<>
      {changes.size > 0 ? <Button onClick={() => setChanges(new Map())}>Discard</Button> : null}
      <Button kind="primary" busy={save.busy} disabled={changes.size === 0} why={admin ? undefined : 'Needs the role admin'} onClick={() => void save.run()}>{changes.size > 0 ? `Save ${count(changes.size, 'change')}` : 'Save'}</Button>
    </>}>
      <p class="muted">Only fields that are allowed leave for the model. Anonymized ones leave as tokens, and come back as names.</p>
      <div class="row">
        <input class="grow" type="search" aria-label="Search fields" placeholder="Search fields" value={q} onInput={e => setQ(e.currentTarget.value)} />
        {chip('all', 'All', list.length)}{chip('allowed', 'Allowed', list.filter(f => f.allowed).length)}{chip('anonymized', 'Anonymized', list.filter(f => f.allowed && f.anonymized).length)}
      </div>
      {read.error ? <ErrorState error={read.error} retry={read.reload} /> : !read.data ? <Spinner label="Reading the fields" /> : (
        <div class="fields" role="table" aria-label="Fields" aria-rowcount={shown.length}>
          <div class="field-row head" role="row"><span role="columnheader">Field</span><span role="columnheader">Allowed</span><span role="columnheader">Anonymized</span><span role="columnheader"><span class="visually-hidden">Reset</span></span></div>
          {shown.length === 0 ? <p class="muted fields-none">No field fits.</p> : <VirtualList class="fields-list" count={shown.length} rowHeight={36} attrs={{role: 'rowgroup', tabIndex: -1}} row={i => {
            const f = shown[i]
            if (!f) return null
            return (
              <div key={f.field} class={`field-row${changes.has(f.field) ? ' changed' : ''}`} role="row" aria-rowindex={i + 1}>
                <span role="cell" class="mono ellipsis" title={f.field}>{f.field}</span>
                <span role="cell"><input type="checkbox" aria-label={`${f.field} is allowed`} checked={f.allowed} disabled={!admin} onChange={e => change(f, {allowed: e.currentTarget.checked})} /></span>
                <span role="cell"><input type="checkbox" aria-label={`${f.field} is anonymized`} checked={f.anonymized} disabled={!admin || !f.allowed} onChange={e => change(f, {anonymized: e.currentTarget.checked})} /></span>
                <span role="cell" class="small muted ellipsis">{f.set_by ? <><Button small kind="quiet" busy={reset.busy} disabled={!admin} onClick={() => void reset.run(f.field)} title={`Set by ${f.set_by}`}>Default</Button> <span class="set-at"><Time at={f.set_at} /></span></> : ''}</span>
              </div>
            )
          }} />}
        </div>
      )}
      {admin ? (
        <form class="row" onSubmit={e => { e.preventDefault(); if (added.trim()) { change({field: added.trim(), allowed: true, anonymized: true}, {}); setQ(''); setOnly('all'); setAdded('') } }}>
          <input class="grow mono" aria-label="A further field" placeholder="A further field, such as acme.customer.name" value={added} maxLength={256} onInput={e => setAdded(e.currentTarget.value)} />
          <Button icon="plus" disabled={!added.trim()} onClick={e => e.currentTarget.closest('form')?.requestSubmit()}>Add</Button>
        </form>
      ) : <Note>Somebody with the role admin can change these.</Note>}
      {save.error || reset.error ? <Note tone="error">{messageOf(save.error ?? reset.error)}</Note> : null}
    </Dialog>
  )
}
