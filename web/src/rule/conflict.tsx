import {api, ApiError, messageOf, of} from '../api/client'
import type {Rule} from '../api/types'
import {useAction} from '../load'
import {Button, CodeDiff, Dialog, Note} from '../ui'
import {ago, when} from '../ui/format'
import {changedFields, type Edit, fieldNames, fieldsOf, onTopOf, saveBody} from './edit'

interface ConflictProps {
  edit: Edit
  theirs: Rule
  onSaved: (rule: Rule) => void
  /** Stored once more meanwhile: the newer rule. */
  onNewer: (theirs: Rule) => void
  onTakeTheirs: () => void
  onClose: () => void
}

/** Who changed a rule last, and when. */
export function lastChange(rule: Rule): {by: string; at: string} {
  const last = rule.history?.at(-1)
  const stamp = {by: rule.updated_by, at: rule.updated_at}
  return last && Date.parse(last.at) >= Date.parse(stamp.at) ? {by: last.by, at: last.at} : stamp
}

/** Two people changed one rule: shows both, and writes only what the person chooses. */
export function ConflictDialog({edit, theirs, onSaved, onNewer, onTakeTheirs, onClose}: ConflictProps) {
  const {by, at} = lastChange(theirs)
  const now = fieldsOf(theirs)
  const mine = changedFields(edit)
  const differing = (Object.keys(fieldNames) as (keyof typeof fieldNames)[]).filter(k => k !== 'query' && now[k] !== edit.fields[k])
  const keep = useAction(async () => {
    try {
      onSaved(await api.put<Rule>(of(theirs.migration_id, '/rule'), saveBody(theirs.id, onTopOf(edit, theirs))))
    } catch (err) {
      if (!(err instanceof ApiError && err.status === 409 && err.conflict.revision !== undefined)) throw err
      onNewer(await api.get<Rule>(of(theirs.migration_id, '/rule'), {rule_id: theirs.id}))
    }
  })
  return (
    <Dialog
      wide
      title="This rule was changed meanwhile"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Go on editing</Button>
          <Button onClick={onTakeTheirs}>Take theirs</Button>
          <Button kind="primary" busy={keep.busy} onClick={() => void keep.run()}>
            Keep mine on top of theirs
          </Button>
        </>
      }
    >
      <p>
        <strong>{by || 'Rulebridge'}</strong> changed it{' '}
        <time dateTime={at} title={when(at)}>
          {ago(at)}
        </time>
        . Nothing of yours is stored yet, and nothing of theirs is lost: choose which holds.
      </p>
      {now.query === edit.fields.query ? (
        <p class="muted">The query is the same in both.</p>
      ) : (
        <CodeDiff before={now.query} after={edit.fields.query} language="esql" labels={['Theirs', 'Mine']} />
      )}
      {differing.length > 0 ? (
        <table class="conflict-settings">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Theirs</th>
              <th scope="col">Mine</th>
            </tr>
          </thead>
          <tbody>
            {differing.map(k => (
              <tr key={k}>
                <th scope="row">{fieldNames[k]}</th>
                <td>{String(now[k])}</td>
                <td>{mine.includes(k) ? String(edit.fields[k]) : <span class="muted">not changed; theirs stays</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {keep.error ? (
        <Note tone="error" title="Not saved">
          {messageOf(keep.error)}
        </Note>
      ) : null}
    </Dialog>
  )
}
