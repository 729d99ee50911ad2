import {useEffect, useRef, useState} from 'preact/hooks'
import {isAbort, messageOf} from '../api/client'
import type {Conversation} from '../api/types'
import {useLoad} from '../load'
import {go, href, type ViewProps} from '../router'
import {session} from '../session'
import {Badge, Button, Confirm, count, Empty, ErrorState, Field, Icon, Note, Spinner, Time, toastError, Toggle} from '../ui'
import {ask, body, clampSize, conversations, leastSize, mostSize, used, type Settings, type Turn} from './chat'
import {FieldsDialog} from './fields'
import {Markdown} from './markdown'
import {anonymized} from './mask'

const examples = ['How many alerts are currently open?', 'Which hosts have the most alerts of high severity?', 'What should be looked at first, and why?']

/** Questions about alerts: the conversations, the present one, and its settings. */
export function AssistantView({params}: ViewProps) {
  const id = params['conversation']
  const list = useLoad(s => conversations.list(s), [])
  const [fields, setFields] = useState(false)
  if (!session.value?.features.assistant) return <Empty title="The assistant is switched off">Set <code>features.assistantRagOnAlerts</code> in the gateway's configuration to use it.</Empty>
  return (
    <div class="assistant">
      <h1 class="visually-hidden">Assistant</h1>
      <Conversations list={list.data} error={list.error} current={id} reload={list.reload} />
      <Chat id={id} onSaved={list.reload} onFields={() => setFields(true)} />
      {fields ? <FieldsDialog onClose={() => setFields(false)} /> : null}
    </div>
  )
}

function Conversations({list, error, current, reload}: {list: Conversation[] | undefined; error: unknown; current: string | undefined; reload: () => void}) {
  const [gone, setGone] = useState<Conversation | undefined>(undefined)
  const wide = useWide()
  const items = (
    <ul class="talks">
      {(list ?? []).map(c => (
        <li key={c.id} class={c.id === current ? 'current' : ''}>
          <a href={href(['assistant', c.id])} aria-current={c.id === current ? 'page' : undefined}><span class="talk-title">{c.title || 'Without a title'}</span><span class="muted small"><Time at={c.updated_at} />, {count(c.messages, 'message')}</span></a>
          <Button small kind="quiet" icon="trash" aria-label={`Delete ${c.title || 'the conversation'}`} onClick={() => setGone(c)} />
        </li>
      ))}
    </ul>
  )
  return (
    <aside class="talks-box" aria-label="Conversations">
      <div class="row spread talks-head"><h2>Conversations</h2><a class="button small default" href={href(['assistant'])}><Icon name="plus" />New</a></div>
      {error ? <ErrorState error={error} retry={reload} /> : list && list.length === 0 ? <p class="muted small">What you ask is kept here, with tokens in the place of names.</p> : wide ? items : <details class="talks-details"><summary>{count(list?.length ?? 0, 'conversation')}</summary>{items}</details>}
      {gone ? (
        <Confirm title="Delete the conversation?" action="Delete it" onClose={() => setGone(undefined)} onConfirm={async () => {
          await conversations.remove(gone.id)
          reload()
          if (gone.id === current) go(href(['assistant']))
        }}><p><strong>{gone.title || 'The conversation'}</strong> goes with its {count(gone.messages, 'message')} and the names behind its tokens.</p></Confirm>
      ) : null}
    </aside>
  )
}

/** Whether the window has room for the conversations beside the present one, also after it has changed its size. */
function useWide(): boolean {
  const query = useRef(matchMedia('(min-width: 901px)')).current
  const [wide, setWide] = useState(query.matches)
  useEffect(() => {
    const changed = () => setWide(query.matches)
    query.addEventListener('change', changed)
    return () => query.removeEventListener('change', changed)
  }, [])
  return wide
}

const defaults: Settings = {connector: '', alerts: true, knowledge: false, size: 20, indices: '.alerts-security.alerts-default'}

function Chat({id, onSaved, onFields}: {id: string | undefined; onSaved: () => void; onFields: () => void}) {
  const connectors = session.value?.connectors ?? []
  const [s, setS] = useState<Settings>({...defaults, connector: connectors.find(c => c.kind !== 'deterministic')?.id ?? connectors[0]?.id ?? 'deterministic'})
  const [turns, setTurns] = useState<Turn[]>([])
  const [names, setNames] = useState<Record<string, string>>({})
  const [text, setText] = useState('')
  const [busy, setBusy] = useState<AbortController | undefined>(undefined)
  const [options, setOptions] = useState(false)
  const [load, setLoad] = useState<{loading: boolean; error?: unknown}>({loading: false})
  // The conversation whose turns are shown; a new one gets its id with the first question.
  const here = useRef<string | undefined>(undefined)
  const asking = useRef<AbortController | undefined>(undefined)
  const end = useRef<HTMLDivElement>(null)
  const box = useRef<HTMLTextAreaElement>(null)

  const read = (conversation: string, signal?: AbortSignal) => {
    setLoad({loading: true})
    conversations.get(conversation, signal).then(c => {
      setTurns((c.turns ?? []).map(t => ({role: t.role === 'assistant' ? 'assistant' : 'user', content: t.content})))
      setNames(c.replacements ?? {})
      if (c.connector_id && connectors.some(x => x.id === c.connector_id)) setS(v => ({...v, connector: c.connector_id ?? v.connector}))
      setLoad({loading: false})
    }, (err: unknown) => { if (!isAbort(err)) setLoad({loading: false, error: err}) })
  }
  useEffect(() => {
    if (id === here.current) return
    here.current = id
    asking.current?.abort()
    setTurns([])
    setNames({})
    setLoad({loading: false})
    if (!id) return
    const abort = new AbortController()
    read(id, abort.signal)
    return () => abort.abort()
  }, [id])
  useEffect(() => () => busy?.abort(), [busy])
  const last = turns[turns.length - 1]
  useEffect(() => { end.current?.scrollIntoView({block: 'nearest'}) }, [turns.length, last?.content.length])

  const send = async (question: string) => {
    const q = question.trim()
    if (!q || busy) return
    const abort = new AbortController()
    setBusy(abort)
    asking.current = abort
    let talk = here.current
    setText('')
    const asked: Turn[] = [...turns, {role: 'user', content: q}]
    let answer: Turn = {role: 'assistant', content: '', open: true}
    const show = (t: Partial<Turn>) => {
      answer = {...answer, ...t}
      if (here.current === talk) setTurns([...asked, answer])
    }
    show({})
    try {
      if (!talk) {
        const c = await conversations.create(q.length > 60 ? q.slice(0, 59) + '…' : q, s.connector)
        // Another conversation was opened meanwhile.
        if (here.current !== talk) return onSaved()
        here.current = talk = c.id
        go(href(['assistant', c.id]), true)
      }
      const done = await ask(s.connector, body(asked, s, names, talk), p => show({content: answer.content + p}), abort.signal)
      if (here.current === talk) setNames(done.replacements)
      show({content: done.data, notes: done.notes, trace: done.trace, open: false})
      onSaved()
    } catch (err) {
      show({open: false, failed: isAbort(err) ? 'You stopped the answer.' : messageOf(err)})
      onSaved()
    } finally {
      setBusy(undefined)
      if (here.current === talk) box.current?.focus()
    }
  }

  return (
    <section class="chat" aria-label="Conversation">
      <div class="chat-bar">
        <Toggle checked={s.alerts} onChange={alerts => setS({...s, alerts})} title="Gives the model tools that read alerts">Alerts</Toggle>
        <label class={`size${s.alerts ? '' : ' off'}`}>
          <span>up to</span>
          <input type="number" min={leastSize} max={mostSize} step={1} value={s.size} disabled={!s.alerts} aria-label={`Alerts that a tool gives at most, ${leastSize} to ${mostSize}`} onChange={e => { const n = clampSize(e.currentTarget.valueAsNumber); e.currentTarget.value = String(n); setS({...s, size: n}) }} />
          <span>alerts</span>
        </label>
        <select aria-label="Connector" value={s.connector} onChange={e => setS({...s, connector: e.currentTarget.value})}>{connectors.map(c => <option key={c.id} value={c.id}>{c.id}</option>)}</select>
        <div class="row chat-bar-right">
          <Button small aria-expanded={options} icon="gear" onClick={() => setOptions(!options)}>More</Button>
          <Button small icon="mask" onClick={onFields}>Fields</Button>
        </div>
      </div>
      {options ? (
        <div class="chat-options">
          <Field label="Index patterns of alerts" hint="With commas; within those that the gateway allows."><input class="mono" value={s.indices} onInput={e => setS({...s, indices: e.currentTarget.value})} /></Field>
          <Toggle checked={s.knowledge} onChange={knowledge => setS({...s, knowledge})}>Knowledge of ES|QL, for questions about queries</Toggle>
        </div>
      ) : null}
      <div class="chat-turns" role="log" aria-label="Messages" aria-live="polite" aria-busy={busy ? 'true' : 'false'} tabIndex={0}>
        {load.error ? <ErrorState title="The conversation could not be read" error={load.error} retry={id ? () => read(id) : undefined} /> : load.loading ? <Spinner label="Reading the conversation" /> : turns.length === 0 ? (
          <Empty icon="search" title="Ask about your alerts" action={<div class="examples">{examples.map(x => <button key={x} type="button" class="example" onClick={() => void send(x)}>{x}</button>)}</div>}>
            Names in fields that are anonymized leave as tokens; what you see has the names back. {s.connector === 'deterministic' ? 'The deterministic connector counts and lists; for more, configure a connector with a model.' : ''}
          </Empty>
        ) : turns.map((t, i) => <Message key={i} turn={t} names={names} again={t.failed && i === turns.length - 1 ? () => { const q = turns[i - 1]; setTurns(turns.slice(0, -2)); setText(q?.content ?? ''); box.current?.focus() } : undefined} />)}
        <div ref={end} />
      </div>
      <form class="composer" onSubmit={e => { e.preventDefault(); void send(text) }}>
        <textarea ref={box} rows={2} aria-label="Your question" title="Enter sends, Shift and Enter begins a line" placeholder="Ask about your alerts; Enter sends" value={text} onInput={e => setText(e.currentTarget.value)}
          onKeyDown={e => { if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) { e.preventDefault(); void send(text) } }} />
        {busy ? <Button icon="stop" onClick={() => busy.abort()}>Stop</Button> : <Button kind="primary" icon="send" disabled={!text.trim()} onClick={() => void send(text)}>Ask</Button>}
      </form>
    </section>
  )
}

function Message({turn, names, again}: {turn: Turn; names: Record<string, string>; again?: () => void}) {
  const [masked, setMasked] = useState(false)
  const text = masked ? anonymized(turn.content, names) : turn.content
  const tools = used(turn.trace)
  const out = turn.trace?.left_out ?? []
  const copy = () => { navigator.clipboard.writeText(text).catch((e: unknown) => toastError(e, 'Not copied')) }
  return (
    <article class={`message ${turn.role}`} aria-label={turn.role === 'user' ? 'You' : 'Assistant'}>
      <header class="message-head">
        <strong>{turn.role === 'user' ? 'You' : 'Assistant'}</strong>
        {turn.open ? null : <>
          <Toggle checked={masked} onChange={setMasked} title="As it left, or came, with tokens in the place of names">Show anonymized</Toggle>
          {turn.role === 'assistant' && text ? <Button small kind="quiet" icon="file" aria-label="Copy the message" title="Copy" onClick={copy} /> : null}
        </>}
      </header>
      {turn.role === 'assistant' ? text ? <Markdown text={text} /> : turn.open ? <div class="muted row"><span class="spinner" aria-hidden="true" />Looking at the alerts …</div> : null : <p class="said">{text}</p>}
      {turn.failed ? <Note tone="error" title="There is no whole answer">{turn.failed} {again ? <Button small icon="edit" onClick={again}>Ask again</Button> : null}</Note> : null}
      {(turn.notes ?? []).map(n => <Note key={n} tone="warn">{n}</Note>)}
      {turn.trace ? (
        <details class="tools">
          <summary>{tools.length > 0 ? <>Made with {tools.map(t => <Badge key={t.tool} tone="matched">{t.tool}{t.alerts !== undefined ? `, ${count(t.alerts, 'alert')}` : ''}</Badge>)}</> : 'Made without tools'}{out.length > 0 ? <span class="muted">, {out.length} left out</span> : null}</summary>
          <dl class="facts">
            {tools.map((t, i) => [<dt key={i} class="mono">{t.tool}</dt>, <dd key={`${i}-`}>{t.args ? <>asked for <code>{t.args}</code></> : 'used'}</dd>])}
            {out.map(t => [<dt key={t.tool} class="mono">{t.tool}</dt>, <dd key={t.tool + '-'}>not given: {t.why}</dd>])}
          </dl>
        </details>
      ) : null}
    </article>
  )
}
