import {useEffect, useMemo, useRef, useState} from 'preact/hooks'
import {api, ApiError, messageOf, of, P} from '../api/client'
import type {Checked, Rule} from '../api/types'
import {useAction} from '../load'
import {session} from '../session'
import {Button, Code, CodeDiff, Confirm, Icon, Note, toast, Toggle} from '../ui'
import type {Editor} from '../ui/code'
import {errorsOf, foundWords, LiveCheck} from './check'
import {changedFields, type Edit, faults, fieldNames, saveBody, setField, upTo} from './edit'
import {SettingsForm} from './settings'

interface EditorProps {
  rule: Rule
  edit: Edit
  onEdit: (edit: Edit) => void
  /** Called before a write. */
  onWrite: () => void
  onSaved: (rule: Rule) => void
  /** The stored rule is another by now: nothing was written. */
  onConflict: (conflict: ApiError) => void
  onClose: () => void
}

/** Brings the editor into view, with the keyboard in it: on a phone it stands below the SPL. */
export function toEditor(): void {
  const box = document.querySelector<HTMLElement>('.rule-editor')
  if (!box) return
  box.querySelector<HTMLElement>('.cm-content')?.focus({preventScroll: true})
  // Where one sees most of it nothing moves.
  const {top, bottom} = box.getBoundingClientRect()
  const head = document.querySelector('.rule-actions')?.getBoundingClientRect().bottom ?? 0
  if (top < head || Math.min(bottom, top + 240) > innerHeight) box.scrollIntoView({block: 'start'})
}

/** Changes the ES|QL and the settings of a rule, checked while one types. */
export function RuleEditor({rule, edit, onEdit, onWrite, onSaved, onConflict, onClose}: EditorProps) {
  const [diff, setDiff] = useState(false)
  const [discarding, setDiscarding] = useState(false)
  const editor = useRef<Editor | null>(null)
  const cluster = session.value?.elasticsearch === true
  const live = useMemo(() => new LiveCheck((query, signal) => api.post<Checked>(P + '/check', {query, cluster}, {signal})), [cluster])
  const {fields} = edit
  useEffect(() => {
    live.ask(fields.query)
  }, [fields.query, live])
  useEffect(() => () => live.stop(), [live])

  // The keyboard begins in the editor, as soon as it is there.
  useEffect(() => {
    let tries = 0
    const timer = setInterval(() => {
      if (editor.current) {
        editor.current.view.focus()
        toEditor()
      }
      if (editor.current || ++tries > 40) clearInterval(timer)
    }, 50)
    return () => clearInterval(timer)
  }, [])

  const changed = changedFields(edit)
  const wrong = Object.values(faults(edit))
  const save = useAction(async () => {
    onWrite()
    const now = upTo(edit, rule)
    try {
      // A check that fails keeps nobody from saving; the rule says later what is wrong.
      const found = live.of(now.fields.query).then(c => foundWords(c.problems), () => '')
      onSaved(await api.put<Rule>(of(rule.migration_id, '/rule'), saveBody(rule.id, now)))
      const words = await found
      toast(words ? `Saved with ${words}` : 'Saved', {kind: words ? 'info' : 'good'})
    } catch (err) {
      if (err instanceof ApiError && err.status === 409 && err.conflict.revision !== undefined && err.conflict.revision !== now.revision) onConflict(err)
      else throw err
    }
  })
  const trySave = () => {
    if (changed.length > 0 && wrong.length === 0 && !save.busy) void save.run()
  }
  const state = live.state.value
  const answer = state.kind === 'idle' ? undefined : state.last
  const problems = answer?.problems ?? []
  // The problems of an older text would stand at wrong places.
  const placed = useMemo(() => (state.kind === 'done' ? problems : []), [state])
  const draft = rule.draft ?? rule.elastic_rule

  return (
    <section
      class="rule-editor"
      aria-label="Edit the rule"
      onKeyDown={e => {
        if ((e.ctrlKey || e.metaKey) && (e.key === 's' || e.key === 'Enter')) {
          e.preventDefault()
          trySave()
        }
      }}
    >
      {diff ? (
        <CodeDiff before={draft?.query ?? ''} after={fields.query} language="esql" labels={[rule.draft ? 'Draft' : 'As stored', 'Your change']} />
      ) : (
        <Code
          value={fields.query}
          language="esql"
          label="ES|QL query"
          editor={editor}
          problems={placed}
          placeholder="FROM logs-*"
          onChange={q => onEdit(setField(edit, 'query', q))}
        />
      )}
      <CheckResult
        state={state.kind}
        problems={problems}
        cluster={answer?.cluster}
        error={state.kind === 'failed' ? state.error : undefined}
        configured={cluster}
        empty={fields.query.trim() === ''}
        onShow={p => {
          setDiff(false)
          setTimeout(() => editor.current?.show(p.start, true), 0)
        }}
        onAgain={() => live.again()}
      />
      <details class="edit-settings">
        <summary>Title, severity, schedule</summary>
        <SettingsForm edit={edit} onChange={(k, v) => onEdit(setField(edit, k, v))} />
      </details>
      {save.error ? (
        <Note tone="error" title="Not saved">
          {messageOf(save.error)}
        </Note>
      ) : null}
      <div class="editor-bar">
        <Button kind="primary" busy={save.busy} why={wrong[0] ?? (changed.length === 0 ? 'Nothing was changed' : undefined)} onClick={trySave}>
          Save
        </Button>
        <Button onClick={() => (changed.length > 0 ? setDiscarding(true) : onClose())}>{changed.length > 0 ? 'Discard' : 'Close'}</Button>
        <Toggle checked={diff} onChange={setDiff}>
          Differences from the {rule.draft ? 'draft' : 'stored query'}
        </Toggle>
        <span class="muted editor-keys">
          <kbd>Ctrl S</kbd> saves
        </span>
      </div>
      {discarding ? (
        <Confirm title="Discard your change?" action="Discard" onConfirm={async () => onClose()} onClose={() => setDiscarding(false)}>
          <p>What you changed ({changed.map(k => fieldNames[k].toLowerCase()).join(', ')}) is not stored, and cannot be brought back.</p>
        </Confirm>
      ) : null}
    </section>
  )
}

interface CheckResultProps {
  state: string
  problems: Checked['problems']
  cluster: Checked['cluster']
  error: unknown
  configured: boolean
  empty: boolean
  onShow: (p: Checked['problems'][number]) => void
  onAgain: () => void
}

const clusterWords: Record<string, string> = {
  passed: 'Your Elasticsearch accepts the query.',
  failed: 'Your Elasticsearch refuses the query',
  unknown_index: 'Your Elasticsearch has no such index',
  unknown_field: 'Your Elasticsearch has no such field',
  unreachable: 'Your Elasticsearch cannot be reached',
  not_configured: 'No Elasticsearch is configured; only the syntax, types and names are checked.',
}

/** What the check of a query says: a list that the keyboard reaches, and one line that is read out. */
export function CheckResult({state, problems, cluster, error, configured, empty, onShow, onAgain}: CheckResultProps) {
  const errors = errorsOf(problems).length
  const summary =
    state === 'failed'
      ? `Not checked: ${messageOf(error)}`
      : empty
        ? 'The query is empty.'
        : state === 'checking'
          ? 'Checking …'
          : errors > 0
            ? `${errors} ${errors === 1 ? 'error' : 'errors'}`
            : problems.length > 0
              ? `${problems.length} ${problems.length === 1 ? 'warning' : 'warnings'}`
              : state === 'done'
                ? 'No problems found.'
                : ''
  const good = state === 'done' && problems.length === 0 && !empty
  return (
    <div class="check">
      <p class={`check-line ${errors > 0 || state === 'failed' ? 'bad' : good ? 'good' : ''}`}>
        <Icon name={errors > 0 || state === 'failed' ? 'error' : good ? 'check' : 'info'} />
        <span role="status">{summary}</span>
        {state === 'failed' ? (
          <Button small onClick={onAgain}>
            Check again
          </Button>
        ) : null}
      </p>
      {problems.length > 0 ? (
        <ul class="problems" aria-label="Problems">
          {problems.map((p, i) => (
            <li key={i}>
              <button type="button" class={`problem problem-${p.severity}`} onClick={() => onShow(p)}>
                <span class="problem-at">
                  {p.start.line}:{p.start.column}
                </span>
                <span>{p.message}</span>
              </button>
            </li>
          ))}
        </ul>
      ) : null}
      {cluster && (configured || cluster.state !== 'not_configured') ? (
        <p class={`check-line ${cluster.state === 'passed' ? 'good' : cluster.state === 'not_configured' ? '' : 'bad'}`}>
          <Icon name={cluster.state === 'passed' ? 'check' : cluster.state === 'not_configured' ? 'info' : 'warn'} />
          <span>
            {clusterWords[cluster.state] ?? cluster.state}
            {cluster.state !== 'passed' && cluster.state !== 'not_configured' && cluster.message ? `: ${cluster.message}` : ''}
          </span>
        </p>
      ) : null}
    </div>
  )
}
