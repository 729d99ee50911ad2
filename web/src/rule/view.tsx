import './rule.css'
import {useEffect, useMemo, useRef, useState} from 'preact/hooks'
import {api, messageOf, of} from '../api/client'
import {useEvents} from '../api/events'
import type {Rule, Stages} from '../api/types'
import {useAction, useLoad, useThrottled} from '../load'
import {go, setQuery, type ViewProps} from '../router'
import {RefusedDialog, useReviewActions} from '../rules/actions'
import {readFilter} from '../rules/filter'
import {KeysDialog} from '../rules/help'
import {actionOf, ruleKeys} from '../rules/keys'
import {listModel} from '../rules/model'
import {type Verdict, writing, wroteJustNow} from '../rules/review'
import {listHref, ruleHref} from '../rules/view'
import {may, me} from '../session'
import {Button, CodeDiff, Confirm, ErrorState, Note, Spinner, Tabs, toast, toastError} from '../ui'
import {num} from '../ui/format'
import type {Annotations} from './annotate'
import {keptComment, unsentComments} from './comment'
import {ConflictDialog, lastChange} from './conflict'
import {beginEdit, changedFields, type Edit, keepEdit, keptEdit, unsaved, upTo} from './edit'
import {RuleEditor, toEditor} from './editor'
import {RuleHead} from './head'
import {History} from './history'
import {countNotes, type Note as RuleNote, orderNotes} from './notes'
import {NotesLead} from './notes-lead'
import {Notes} from './notes-list'
import {Pane} from './pane'
import {panel} from './panel'
import {Places, shownText} from './position'
import {NearRules} from './prebuilt'
import {Settings} from './settings'
import {StageStrip} from './stage-strip'
import {belong, pipeBreaks, stageBreaks, stageOfPlace, stageRanges} from './stages'
import {TryIt} from './try'

type Shown = 'rule' | 'draft' | 'diff'

addEventListener('beforeunload', e => {
  if (unsaved() > 0 || unsentComments() > 0) e.preventDefault()
})

/** One rule: SPL beside ES|QL, its notes, and what a person does about it. */
export function RuleView({params, query}: ViewProps) {
  const migration = params['id'] ?? '',
    id = params['rule'] ?? ''
  const rule = useLoad(signal => api.get<Rule>(of(migration, '/rule'), {rule_id: id}, signal), [migration, id])
  if (rule.data) return <Loaded rule={rule.data} query={query} onRule={rule.set} reload={rule.reload} stale={rule.error} />
  const filter = readFilter(query.toString())
  return rule.error ? (
    <div class="stack">
      <a href={listHref(migration, filter)}>All rules</a>
      <ErrorState title="The rule could not be read" error={rule.error} retry={rule.reload} />
    </div>
  ) : (
    <Spinner label="Reading the rule" />
  )
}

interface LoadedProps {
  rule: Rule
  query: URLSearchParams
  onRule: (rule: Rule) => void
  reload: () => void
  stale: unknown
}

function Loaded({rule, query, onRule, reload, stale}: LoadedProps) {
  const migration = rule.migration_id
  const filter = readFilter(query.toString())
  const model = listModel(migration, filter)
  const mayWrite = may('operator')
  const name = rule.elastic_rule?.title || rule.original_rule.title || rule.id
  const [lit, setLit] = useState<number | null>(null)
  const [pinned, setPinned] = useState<number | null>(null)
  const [note, setNote] = useState<RuleNote | null>(null)
  const [shown, setShown] = useState<Shown>('rule')
  const [edit, setEditState] = useState<Edit | undefined>(() => keptEdit(migration, rule.id))
  const [theirs, setTheirs] = useState<Rule | undefined>(undefined)
  const [resetting, setResetting] = useState(false)
  const [help, setHelp] = useState(false)
  const commentBox = useRef<HTMLTextAreaElement | null>(null)
  const stages = useLoad(signal => api.get<Stages>(of(migration, '/rule/stages'), {rule_id: rule.id}, signal), [migration, rule.id, rule.revision])

  const setEdit = (e: Edit | undefined) => {
    keepEdit(migration, rule.id, e)
    setEditState(e)
  }
  const changed = edit ? changedFields(edit).length > 0 : false

  // A new state of the rule that is not ours: an untouched editor follows it, a touched one is told.
  const seen = useRef(rule.revision)
  useEffect(() => {
    if (rule.revision === seen.current) return
    seen.current = rule.revision
    model.change(rule.id, {
      revision: rule.revision,
      review: rule.review?.state ?? 'open',
      ...(rule.elastic_rule ? {title: rule.elastic_rule.title} : {}),
      edited: rule.edited,
    })
    if (edit && !changed) setEditState(beginEdit(rule))
    const by = lastChange(rule)
    // The stream may be faster than the answer to our own write.
    const own = by.by === me.value && wroteJustNow()
    if (!own && (rule.status === 'finished' || rule.status === 'error')) toast(by.by && by.by === me.value ? 'You changed this rule in another window' : `${by.by || 'Rulebridge'} changed this rule just now`, {kind: 'info'})
  }, [rule.revision])
  const outdated = edit && changed && upTo(edit, rule).revision !== rule.revision

  const mine = (next: Rule) => {
    seen.current = next.revision
    model.change(next.id, {
      revision: next.revision,
      review: next.review?.state ?? 'open',
      edited: next.edited,
      updated_at: next.updated_at,
      updated_by: next.updated_by,
    })
    onRule(next)
  }

  // The place of this rule in the list that one came from, and the rules around it.
  const around = useLoad(signal => model.around(rule.id, signal), [migration, rule.id, listHref(migration, filter)])
  const placeAgain = useThrottled(around.reload, 2_000)

  const later = useThrottled(reload, 1_000)
  useEvents(e => {
    if (e.kind === 'reset') later()
    if (e.kind === 'reset' || (e.kind === 'rules' && e.migration_id === migration)) placeAgain()
    if (e.kind === 'rules' && e.migration_id === migration && (e.changed.includes(rule.id) || e.more)) later()
  })

  // Whether this rule is left for the next: then it is not read again.
  const leaving = useRef(false)
  const actions = useReviewActions(
    migration,
    r => {
      model.reviewed(r)
      const own = r.changed.find(c => c.rule_id === rule.id)
      if (own) seen.current = own.revision
      if (leaving.current && r.refused.length === 0) return
      reload()
      around.reload()
    },
    id => (id === rule.id ? name : model.at(model.indexOf(id))?.title),
  )
  // What is signed off is what is stored; it must be what one looks at.
  const storedIsShown = () => {
    if (changed) toast('Save or discard your change first: only what is stored is signed off', {kind: 'info'})
    return !changed
  }
  const set = (verdict: Verdict) => {
    if (storedIsShown()) void actions.set([{rule_id: rule.id, revision: rule.revision}], verdict)
  }

  const startEdit = () => {
    if (!mayWrite || rule.status === 'processing') return
    setShown('rule')
    if (edit) toEditor()
    else setEditState(beginEdit(rule))
  }
  useEffect(() => {
    if (edit) toast('Your change that was not saved is back', {kind: 'info'})
    if (keptComment(migration, rule.id)) toast('Your comment that was not added is under History', {kind: 'info', about: 'comment'})
    if (query.get('edit') !== '1') return
    setQuery({edit: undefined})
    startEdit()
  }, [])

  const step = (to: string | undefined) => {
    if (to) {
      setEdit(edit)
      go(ruleHref(migration, to, filter), true)
    }
  }
  const state = rule.review?.state ?? 'open'
  /** Goes to the next rule about which nobody has decided, and decides about this one before if asked to. */
  const goOn = async (verdict?: Verdict) => {
    if (leaving.current || (verdict && !storedIsShown())) return
    leaving.current = true
    try {
      // Asked now, because others decide too; and before, because a rule that was just changed may stand elsewhere in the list.
      const place = await model.around(rule.id)
      if (verdict && state !== verdict && !(verdict === 'accepted' && state === 'installed')) {
        const answer = await actions.set([{rule_id: rule.id, revision: rule.revision}], verdict)
        if (!answer || answer.changed.length === 0) return
      }
      // Who went elsewhere meanwhile stays there.
      if (!here.current) return
      if (place.next_open) step(place.next_open)
      else {
        toast(model.filtered ? 'No other rule that matches is open' : 'No other rule is open', {kind: 'info'})
        reload()
      }
    } catch (err) {
      toastError(err, 'Nothing was changed')
    } finally {
      leaving.current = false
    }
  }
  const here = useRef(true)
  useEffect(() => () => {
    here.current = false
    // It is found again with this rule; who goes on without adding it should know.
    if (keptComment(migration, rule.id)) toast(`Your comment is not added yet; it is kept with its rule: ${name}`, {kind: 'info', about: 'comment'})
  }, [])
  const back = () => {
    if (around.data && around.data.at >= 0) model.cursor.value = around.data.at
    go(listHref(migration, filter))
  }

  const press = useRef<(e: KeyboardEvent) => void>(() => {})
  press.current = e => {
    if (document.querySelector('dialog[open]')) return
    const action = actionOf(e, ruleKeys, mayWrite)
    if (!action) return
    e.preventDefault()
    switch (action) {
      case 'next':
        return step(around.data?.after)
      case 'previous':
        return step(around.data?.before)
      case 'nextOpen':
        return void goOn()
      case 'back':
        return edit && !changed ? setEdit(undefined) : back()
      case 'search':
        return back()
      case 'accept':
        return set('accepted')
      case 'acceptNext':
        return void goOn('accepted')
      case 'rejectNext':
        return void goOn('rejected')
      case 'reject':
        return set('rejected')
      case 'reopen':
        return set('open')
      case 'edit':
        return startEdit()
      case 'undo':
        return void actions.undo()
      case 'help':
        return setHelp(true)
      case 'comment':
        panel.value = 'history'
        return void setTimeout(() => commentBox.current?.focus(), 0)
    }
  }
  useEffect(() => {
    const key = (e: KeyboardEvent) => press.current(e)
    document.addEventListener('keydown', key)
    return () => document.removeEventListener('keydown', key)
  }, [])

  const elastic = rule.elastic_rule
  const draft = rule.draft ?? (rule.matched_rule ? rule.compiled_rule : undefined)
  const draftName = rule.matched_rule && !rule.draft ? 'Compiled draft' : 'Draft'
  const other = shown === 'draft' ? draft : elastic
  const spl = shownText(rule.original_rule.query),
    esql = shownText(other?.query ?? '')
  const list = stages.data?.stages ?? []
  const notes = useMemo(() => orderNotes(rule.diagnostics ?? []), [rule.diagnostics])
  const counts = countNotes(notes)
  const current = pinned !== null && lit === null ? pinned : lit
  const places = useMemo(() => new Places(spl), [spl])

  const splNotes: Annotations = useMemo(() => {
    const ranges = stageRanges(list, 'spl', spl)
    return {
      stages: ranges,
      breaks: list.length > 0 ? stageBreaks(ranges, spl) : pipeBreaks(spl),
      lit: current,
      notes: notes
        .filter(n => n.severity !== 'info' || n === note)
        .map(n => ({...places.range(n.start, n.end), severity: n.severity, text: n.message}))
        .filter(n => n.to - n.from < spl.length),
      shown: note ? places.range(note.start, note.end) : null,
    }
  }, [list, spl, current, notes, note])
  const esqlNotes: Annotations = useMemo(() => {
    const ranges = stageRanges(list, 'esql', esql)
    return {stages: ranges, breaks: [], lit: current, notes: [], shown: null}
  }, [list, esql, current])
  const fits = list.length > 0 && belong(list, 'esql', esql)

  const reset = async () => {
    writing()
    mine(await api.post<Rule>(of(migration, '/rule/reset'), {rule_id: rule.id, revision: rule.revision}))
    setEdit(undefined)
    setShown('rule')
    toast('The rule is as the draft was')
  }
  const readTheirs = useAction(async () => {
    const now = await api.get<Rule>(of(migration, '/rule'), {rule_id: rule.id})
    setTheirs(now)
  })

  return (
    <article class="rule-view">
      <RuleHead
        rule={rule}
        counts={counts}
        around={around.data}
        list={listHref(migration, filter)}
        mayWrite={mayWrite}
        back={back}
        step={step}
        set={set}
        goOn={verdict => void goOn(verdict)}
        startEdit={startEdit}
        onRetry={() => void actions.retry([{rule_id: rule.id, revision: rule.revision}])}
        onReset={() => setResetting(true)}
        onHelp={() => setHelp(true)}
      />

      {stale ? (
        <Note tone="warn" title="This may be old">
          {messageOf(stale)}
        </Note>
      ) : null}
      {outdated ? (
        <Note tone="warn" title={`${lastChange(rule).by || 'Rulebridge'} changed this rule while you edit it`}>
          Your change is not stored yet.{' '}
          <Button small busy={readTheirs.busy} onClick={() => void readTheirs.run()}>
            See both
          </Button>
        </Note>
      ) : null}
      {rule.status === 'error' ? (
        <Note tone="error" title={`The translation failed: ${(rule.error_code ?? 'unknown').replaceAll('_', ' ')}`}>
          Translate it again, or write the query yourself.
        </Note>
      ) : null}

      <NotesLead notes={notes} shown={note?.index ?? null} onShow={setNote} onStage={n => setLit(n ? stageOfPlace(list, n.start) : null)} />

      {list.length > 0 ? (
        <StageStrip
          stages={list}
          notes={notes}
          fits={fits}
          apart={!fits && esql && !edit ? `The stages belong to the ${draft ? draftName.toLowerCase() : 'translation'}, not to this query.` : ''}
          lit={current}
          pinned={pinned}
          onStage={setLit}
          onPin={setPinned}
        />
      ) : null}

      <div class="panes">
        <section class="pane" aria-label="SPL">
          <header class="pane-head">
            <h3>SPL</h3>
            <span class="muted">{rule.original_rule.app}</span>
          </header>
          <Pane text={spl} language="spl" label="SPL search" annotations={splNotes} onStage={setLit} onPin={setPinned} />
        </section>
        <section class="pane" aria-label="ES|QL">
          <header class="pane-head">
            <h3>{edit ? 'ES|QL, editing' : elastic && shown !== 'draft' && elastic.query_language !== 'esql' ? elastic.query_language : 'ES|QL'}</h3>
            {draft && !edit ? (
              <span class="segments" role="group" aria-label="Which query">
                {(
                  [
                    ['rule', rule.edited ? 'Edited' : 'Prebuilt rule'],
                    ['draft', draftName],
                    ['diff', 'Differences'],
                  ] as [Shown, string][]
                ).map(([key, name]) => (
                  <button key={key} type="button" aria-pressed={shown === key} onClick={() => setShown(key)}>
                    {name}
                  </button>
                ))}
              </span>
            ) : null}
          </header>
          {edit ? (
            <RuleEditor
              onWrite={writing}
              key={edit.revision}
              rule={rule}
              edit={edit}
              onEdit={setEdit}
              onSaved={next => {
                setEdit(undefined)
                mine(next)
              }}
              onConflict={() => void readTheirs.run()}
              onClose={() => setEdit(undefined)}
            />
          ) : shown === 'diff' && draft ? (
            <CodeDiff before={draft.query} after={elastic?.query ?? ''} language="esql" labels={[draftName, rule.edited ? 'Edited' : 'Prebuilt rule']} />
          ) : esql ? (
            <Pane
              key={other?.query_language ?? ''}
              text={esql}
              language={other?.query_language === 'esql' ? 'esql' : 'text'}
              label="ES|QL query"
              annotations={esqlNotes}
              onStage={setLit}
              onPin={setPinned}
            />
          ) : (
            <div class="no-draft">
              <p>
                <strong>{rule.status === 'finished' ? 'There is no draft.' : 'There is no translation yet.'}</strong>
              </p>
              <p class="muted">{rule.status === 'finished' ? 'The notes say what is in the way. Settle it and translate again, or write the query.' : ''}</p>
              {mayWrite && rule.status !== 'processing' ? (
                <Button icon="edit" onClick={startEdit}>
                  Write the query
                </Button>
              ) : null}
            </div>
          )}
        </section>
      </div>

      <Tabs
        label="About the rule"
        current={panel.value}
        onChange={t => {
          panel.value = t
        }}
        tabs={[
          {
            id: 'notes',
            label: (
              <>
                Notes<span class="tab-n">{notes.length || ''}</span>
              </>
            ),
            panel: () => <Notes rule={rule} shown={note?.index ?? null} onShow={setNote} onStage={n => setLit(n ? stageOfPlace(list, n.start) : null)} />,
          },
          {id: 'settings', label: 'Settings', panel: () => <Settings rule={rule} elastic={other} />},
          {
            id: 'history',
            label: (
              <>
                History<span class="tab-n">{rule.comments_total ? num(rule.comments_total) : ''}</span>
                {keptComment(migration, rule.id) ? <span class="tab-n">not added</span> : null}
              </>
            ),
            panel: () => <History rule={rule} mayWrite={mayWrite} onRule={mine} onWrite={writing} box={commentBox} />,
          },
          {
            id: 'near',
            label: (
              <>
                Prebuilt rules<span class="tab-n">{rule.near_rules?.length || ''}</span>
              </>
            ),
            panel: () => <NearRules rule={rule} />,
          },
          {id: 'try', label: 'Try it', panel: () => <TryIt rule={rule} query={edit?.fields.query ?? (other?.query_language === 'esql' ? other.query : '')} />},
        ]}
      />

      {resetting ? (
        <Confirm title="Back to the draft?" action="Back to the draft" onConfirm={reset} onClose={() => setResetting(false)}>
          <p>
            The query and settings become what the {rule.matched_rule ? 'match' : 'compiler'} made. What {rule.edited?.by ?? 'a person'} changed stays in the
            history.
          </p>
        </Confirm>
      ) : null}
      {help ? <KeysDialog bindings={ruleKeys} mayWrite={mayWrite} onClose={() => setHelp(false)} /> : null}
      {actions.refused ? (
        <RefusedDialog
          refused={actions.refused}
          titleOf={id => model.at(model.indexOf(id))?.title ?? id}
          hrefOf={id => ruleHref(migration, id, filter)}
          onClose={actions.closeRefused}
        />
      ) : null}
      {theirs && edit ? (
        <ConflictDialog
          edit={edit}
          theirs={theirs}
          onNewer={setTheirs}
          onSaved={next => {
            setTheirs(undefined)
            setEdit(undefined)
            mine(next)
            toast('Saved on top of their change')
          }}
          onTakeTheirs={() => {
            setEdit(undefined)
            mine(theirs)
            setTheirs(undefined)
          }}
          onClose={() => setTheirs(undefined)}
        />
      ) : null}
    </article>
  )
}
