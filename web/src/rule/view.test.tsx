import {render} from 'preact'
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import {publish} from '../api/events'
import type {Role, Rule, Session, Stages} from '../api/types'
import {location, parse} from '../router'
import {forgetList} from '../rules/model'
import {session} from '../session'
import {Toasts} from '../ui/toast'
import {keepEdit} from './edit'
import {keepComment, keptComment, unsentComments} from './comment'
import {panel} from './panel'
import {RuleView} from './view'

const editors = vi.hoisted(() => new Map<string, {text: string; change: (v: string) => void; problems: unknown[]}>())
vi.mock('../ui/codemirror', () => ({
  EditorView: {updateListener: {of: () => []}, domEventHandlers: () => []},
  createDiff: () => ({destroy: () => {}}),
  createEditor: (o: {value: string; label: string; parent: HTMLElement; onChange?: (v: string) => void}) => {
    const e = {text: o.value, problems: [] as unknown[], change: (v: string) => { e.text = v; o.onChange?.(v) }}
    editors.set(o.label, e)
    return {
      view: {focus: () => {}}, setValue: (v: string) => { e.text = v }, setMarks: () => {}, setProblems: (p: unknown[]) => { e.problems = p }, show: () => {},
      destroy: () => { if (editors.get(o.label) === e) editors.delete(o.label) },
    }
  },
}))
vi.mock('./annotate', () => ({annotations: [], annotate: () => {}, reveal: () => {}, nothingToShow: {}}))

interface Call {
  method: string
  path: string
  query: URLSearchParams
  body?: Record<string, unknown>
}

let root: HTMLElement
let calls: Call[] = []
let stored: Rule
/** The next rule of the list that is open; undefined: there is none. */
let nextOpen: string | undefined
let refuses = false
/** How many comments the rule has. */
let happened = 0

const at = (line: number, column: number) => ({line, column})
const fresh = (): Rule => ({
  '@timestamp': '', id: 'r/1', migration_id: 'm', created_by: 'anna', status: 'finished', translation_result: 'partial', verification: 'not_run',
  original_rule: {id: 'r/1', vendor: 'splunk', title: 'Sign-ins', query: 'index=a | foo | stats count by user', query_language: 'spl'},
  elastic_rule: {title: 'Sign-ins', query: 'FROM logs-*\n| STATS count = COUNT(*) BY user.name', query_language: 'esql', index: ['logs-*'], severity: 'low', risk_score: 21, interval: '5m', from: 'now-10m'},
  near_rules: [], comments: [], history: [], updated_at: '2026-01-01T00:00:00Z', updated_by: 'rulebridge', revision: 3,
  diagnostics: [
    {code: 'schedule_default', severity: 'info', message: 'no schedule is given', start: at(1, 1), end: at(1, 8)},
    {code: 'depends_on_hole', severity: 'error', message: 'this follows', start: at(1, 17), end: at(1, 22)},
    {code: 'unknown_command', severity: 'error', message: 'foo is no command: check its spelling', start: at(1, 11), end: at(1, 14)},
  ],
})
const stages: Stages = {
  compiler_version: 'c', current: true,
  stages: [
    {command: 'search', spl: {start: at(1, 1), end: at(1, 8), text: 'index=a'}, esql: [{start: at(1, 1), end: at(1, 12), text: 'FROM logs-*'}], notes: [0]},
    {command: 'stats', spl: {start: at(1, 17), end: at(1, 36), text: 'stats count by user'}, esql: [{start: at(2, 1), end: at(2, 38), text: '| STATS count = COUNT(*) BY user.name'}], notes: [1]},
  ],
}

/** Somebody else stores a change. */
function byBen(query: string) {
  stored = {...stored, revision: stored.revision + 1, elastic_rule: {...stored.elastic_rule!, query}, updated_by: 'ben', updated_at: new Date().toISOString(), history: [...stored.history, {at: new Date().toISOString(), by: 'ben', action: 'edited'}]}
}

function gateway(c: Call): [unknown, number?] {
  if (c.path.endsWith('/rule') && c.method === 'GET') return [c.query.get('rule_id') === stored.id ? stored : {...fresh(), id: c.query.get('rule_id') ?? '', elastic_rule: {...fresh().elastic_rule!, title: 'Another'}}]
  if (c.path.endsWith('/rule/history')) {
    const before = Number(c.query.get('before') ?? happened + 1), n = Math.min(50, before - 1)
    return [{total: happened, events: Array.from({length: n}, (_, i) => ({n: before - 1 - i, at: '2026-01-01T00:00:00Z', by: 'ben', action: 'commented', message: `remark ${before - 1 - i}`}))}]
  }
  if (c.path.endsWith('/stages')) return [stages]
  if (c.path.endsWith('/rows/around')) return [c.query.get('rule_id') === 'r/1' ? {total: 3, at: 1, before: 'a', after: 'z', open: nextOpen ? 1 : 0, next_open: nextOpen} : {total: 3, at: 2, before: 'r/1', open: 1, next_open: 'r/1'}]
  if (c.path.endsWith('/check')) return [{problems: String(c.body?.['query']).includes('wrong') ? [{severity: 'error', message: 'unknown column [wrong]', start: at(1, 1), end: at(1, 2)}] : []}]
  if (c.path.endsWith('/review')) {
    const [r] = c.body?.['rules'] as {rule_id: string; state: 'open' | 'accepted' | 'rejected'}[]
    if (refuses) return [{changed: [], refused: [{rule_id: r!.rule_id, why: 'there is no query to accept'}]}]
    if (r!.rule_id !== stored.id) return [{changed: [{rule_id: r!.rule_id, revision: 4, state: r!.state, previous: 'open'}], refused: []}]
    stored = {...stored, revision: stored.revision + 1, review: r!.state === 'open' ? undefined : {state: r!.state, by: 'anna', at: new Date().toISOString()}}
    return [{changed: [{rule_id: r!.rule_id, revision: stored.revision, state: r!.state, previous: 'open'}], refused: []}]
  }
  if (c.path.endsWith('/rule/comments')) {
    stored = {...stored, revision: stored.revision + 1}
    return [stored]
  }
  if (c.path.endsWith('/rule') && c.method === 'PUT') {
    if (c.body?.['revision'] !== stored.revision) return [{statusCode: 409, error: 'Conflict', message: 'changed', by: 'ben', at: stored.updated_at, revision: stored.revision}, 409]
    stored = {...stored, revision: stored.revision + 1, draft: stored.elastic_rule, elastic_rule: {...stored.elastic_rule!, ...c.body?.['elastic_rule'] as object}, edited: {by: 'anna', at: ''}, updated_by: 'anna'}
    return [stored]
  }
  throw new Error('no route ' + c.path)
}

const wait = (ms = 0) => new Promise(r => setTimeout(r, ms))
const settle = async () => { for (let i = 0; i < 10; i++) await wait() }
const press = async (key: string) => {
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}))
  await settle()
}
const button = (name: string) => [...document.querySelectorAll('button')].find(b => b.textContent?.trim() === name)
const click = async (name: string) => {
  const b = button(name)
  if (!b) throw new Error(`no button ${name}`)
  b.click()
  await settle()
}
const writes = () => calls.filter(c => c.method === 'PUT')
const editor = () => editors.get('ES|QL query')!

const Page = () => <><RuleView params={{id: 'm', rule: decodeURIComponent(location.value.path.split('/').at(-1) ?? '')}} query={location.value.query} /><Toasts /></>

async function open(role: Role = 'operator', shown = 2) {
  session.value = {user: {name: 'anna', role}, auth: true, elasticsearch: false} as Session
  location.value = parse('#/m/m/rules/r%2F1?sort=holes')
  render(<Page />, root)
  // Editors are loaded when they are first shown.
  await vi.waitFor(() => { if (editors.size < shown) throw new Error('no editors yet') }, 3000)
  await settle()
}

beforeEach(() => {
  calls = []
  stored = fresh()
  nextOpen = 'z'
  refuses = false
  happened = 0
  panel.value = 'notes'
  root = document.createElement('div')
  document.body.append(root)
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    const url = new URL(input, 'http://gateway')
    const call: Call = {method: init.method ?? 'GET', path: url.pathname, query: url.searchParams, body: init.body ? JSON.parse(String(init.body)) as Record<string, unknown> : undefined}
    calls.push(call)
    const [body, status] = gateway(call)
    return new Response(JSON.stringify(body), {status: status ?? 200})
  })
})
afterEach(() => {
  // Messages outlive the page that showed them.
  for (const b of root.querySelectorAll<HTMLButtonElement>('[aria-label="Close the message"]')) b.click()
  render(null, root)
  root.remove()
  forgetList()
  keepEdit('m', 'r/1', undefined)
  keepComment('m', 'r/1', '')
})

describe('one rule', () => {
  it('shows its searches, its stages and its notes, worst first, consequences apart', async () => {
    await open()
    expect(root.querySelector('h2')?.textContent).toBe('Sign-ins')
    expect(editors.get('SPL search')?.text).toBe('index=a | foo | stats count by user')
    expect([...root.querySelectorAll('.stage-button')].map(b => b.textContent)).toEqual(['1search', '2stats'])
    expect([...root.querySelectorAll('.rule-note .badge')].map(b => b.textContent)).toEqual(['hole', 'follows', 'note'])
    expect(root.querySelector('.rule-facts')?.textContent).toContain('1 hole')
    // What matters stands above the queries, too.
    expect([...root.querySelectorAll('.lead-note')].map(n => n.textContent)).toEqual(['holeFoo is no command Check its spelling'])
    expect(root.querySelector('.lead-all')?.textContent).toBe('All 3 notes')
    expect(root.querySelector('.more-notes summary')?.textContent).toContain('1 more hole that only follows')
    expect(calls.filter(c => c.path.endsWith('/rule')).map(c => c.query.get('rule_id'))).toEqual(['r/1'])
  })
  it('lights a stage that has the focus', async () => {
    await open()
    root.querySelectorAll<HTMLButtonElement>('.stage-button')[1]?.dispatchEvent(new FocusEvent('focus'))
    await settle()
    expect(root.querySelectorAll('.stage-button')[1]?.classList.contains('lit')).toBe(true)
    expect(root.querySelectorAll('.stage-button')[0]?.classList.contains('lit')).toBe(false)
  })
  it('lights a stage beneath a mouse that moves, not one that came beneath it', async () => {
    await open()
    const move = async (clientX: number) => {
      root.querySelectorAll('.stage-button')[1]?.dispatchEvent(new MouseEvent('mousemove', {clientX, bubbles: true}))
      await settle()
      return root.querySelectorAll('.stage-button')[1]?.classList.contains('lit')
    }
    expect([await move(40), await move(40), await move(41)]).toEqual([false, false, true])
  })
  it('is checked while one types, and saved with its revision', async () => {
    await open()
    await press('e')
    editor().change('FROM wrong')
    await wait(450)
    await settle()
    expect(calls.filter(c => c.path.endsWith('/check')).at(-1)?.body).toEqual({query: 'FROM wrong', cluster: false})
    expect(root.querySelector('.problems')?.textContent).toContain('unknown column [wrong]')
    expect(editor().problems.length).toBe(1)
    editor().change('FROM right')
    await settle()
    await click('Save')
    expect(writes().map(c => c.body)).toEqual([{rule_id: 'r/1', revision: 3, elastic_rule: {query: 'FROM right'}}])
    expect(root.querySelector('.rule-editor')).toBeNull()
    expect(root.textContent).toContain('edited by anna')
    expect(root.textContent).not.toContain('changed this rule just now')
  })
  it('says with how many errors a query is stored, then and later', async () => {
    await open()
    await press('e')
    editor().change('FROM wrong')
    await settle()
    await click('Save')
    expect(writes().length).toBe(1)
    expect(root.querySelector('.toasts')?.textContent).toContain('Saved with 1 error')
    expect(root.querySelector('.rule-facts .tone-error')?.textContent).toBe('1 error in the edited query')
    expect(root.querySelector('.rule-facts .tone-error')?.getAttribute('title')).toContain('1:1 unknown column [wrong]')
    await press('e')
    editor().change('FROM right')
    await settle()
    await click('Save')
    expect([...root.querySelectorAll('.toast-text')].map(t => t.textContent)).toContain('Saved')
    expect(root.querySelector('.rule-facts .tone-error')).toBeNull()
  })
  it('keeps a comment that is not added, says so, and has it again', async () => {
    await open()
    const box = () => root.querySelector<HTMLTextAreaElement>('.comment-form textarea')
    await press('c')
    await settle()
    box()!.value = 'Looks odd'
    box()!.dispatchEvent(new Event('input', {bubbles: true}))
    await settle()
    expect(root.querySelector('[role=tab][aria-selected=true]')?.textContent).toBe('Historynot added')
    expect(unsentComments()).toBe(1)
    await press('j')
    expect(root.querySelector('.toasts')?.textContent).toContain('Your comment is not added yet; it is kept with its rule: Sign-ins')
    expect(box()?.value).toBe('')
    await press('k')
    expect(box()?.value).toBe('Looks odd')
    await click('Add the comment')
    expect(calls.filter(c => c.path.endsWith('/rule/comments')).map(c => c.body)).toEqual([{rule_id: 'r/1', message: 'Looks odd'}])
    expect(box()?.value).toBe('')
    expect(keptComment('m', 'r/1')).toBe('')
  })
  it('never overwrites what another person stored: mine on top of theirs, when I say so', async () => {
    await open()
    await press('e')
    editor().change('FROM mine')
    await settle()
    byBen('FROM ben')
    await click('Save')
    const dialog = document.querySelector('dialog')
    expect(dialog?.textContent).toContain('ben changed it')
    expect(stored.elastic_rule?.query).toBe('FROM ben')
    await click('Keep mine on top of theirs')
    expect(writes().map(c => c.body?.['revision'])).toEqual([3, 4])
    expect(stored.elastic_rule?.query).toBe('FROM mine')
    expect(document.querySelector('dialog')).toBeNull()
  })
  it('takes theirs without a write', async () => {
    await open()
    await press('e')
    editor().change('FROM mine')
    await settle()
    byBen('FROM ben')
    await click('Save')
    await click('Take theirs')
    expect(writes().length).toBe(1)
    expect(editors.get('ES|QL query')?.text).toBe('FROM ben')
    expect(root.querySelector('.rule-editor')).toBeNull()
  })
  it('tells what another window stored, while I edit and while I do not', async () => {
    await open()
    byBen('FROM ben')
    publish({kind: 'rules', migration_id: 'm', changed: ['r/1'], more: false})
    await settle()
    expect(editors.get('ES|QL query')?.text).toBe('FROM ben')
    expect(root.querySelector('.toasts')?.textContent).toContain('ben changed this rule')
    await press('e')
    editor().change('FROM mine')
    await settle()
    byBen('FROM ben again')
    await wait(1100)
    publish({kind: 'rules', migration_id: 'm', changed: ['r/1'], more: false})
    await settle()
    expect(root.querySelector('.note-warn')?.textContent).toContain('ben changed this rule while you edit it')
    expect(editor().text).toBe('FROM mine')
    expect(stored.elastic_rule?.query).toBe('FROM ben again')
  })
  it('is not signed off while a change of it is not stored', async () => {
    await open()
    await press('e')
    editor().change('FROM mine')
    await settle()
    await click('Accept')
    expect(calls.some(c => c.path.endsWith('/review'))).toBe(false)
    expect(root.querySelector('.toasts')?.textContent).toContain('Save or discard your change first')
    editor().change(stored.elastic_rule?.query ?? '')
    await settle()
    await click('Accept')
    expect(calls.filter(c => c.path.endsWith('/review')).length).toBe(1)
  })
  it('is accepted from the keyboard with its revision, and says by whom', async () => {
    await open()
    await press('a')
    expect(calls.find(c => c.path.endsWith('/review'))?.body).toEqual({rules: [{rule_id: 'r/1', revision: 3, state: 'accepted'}]})
    expect(root.querySelector('.sign-off')?.textContent).toContain('anna')
    expect(root.querySelector('.sign-off .tone-accepted')).not.toBeNull()
  })
  it('goes to the next rule of the list', async () => {
    await open()
    expect(root.querySelector('.rule-place')?.textContent).toBe('2 of 3 · 2 open')
    await press('j')
    expect(location.value.path).toBe('/m/m/rules/z')
    expect(location.value.query.toString()).toBe('sort=holes')
  })
  const reviews = () => calls.filter(c => c.path.endsWith('/review')).map(c => (c.body?.['rules'] as {rule_id: string; state: string}[])[0]).map(r => `${r?.rule_id} ${r?.state}`)
  it('is accepted, and the next that is open comes; what was done is taken back from there, and says of which rule', async () => {
    await open()
    await press('A')
    expect(reviews()).toEqual(['r/1 accepted'])
    expect(location.value.path).toBe('/m/m/rules/z')
    expect(location.value.query.toString()).toBe('sort=holes')
    expect(root.querySelector('h2')?.textContent).toBe('Another')
    expect(root.querySelector('.toasts')?.textContent).toContain('1 rule accepted: Sign-ins')
    expect(calls.filter(c => c.path.endsWith('/rule') && c.method === 'GET').map(c => c.query.get('rule_id'))).toEqual(['r/1', 'z'])
    await press('u')
    expect(reviews()).toEqual(['r/1 accepted', 'r/1 open'])
    expect(root.querySelector('.toasts')?.textContent).toContain('1 rule as before: Sign-ins')
    expect(location.value.path).toBe('/m/m/rules/z')
  })
  it('keeps the focus on the button that goes on', async () => {
    await open()
    button('Accept and next')?.focus()
    await click('Accept and next')
    expect(location.value.path).toBe('/m/m/rules/z')
    expect(document.activeElement?.textContent).toBe('Accept and next')
    // A rule that is accepted already is not sent again.
    stored = {...stored, review: {state: 'accepted', by: 'ben', at: ''}}
    await click('Accept and next')
    expect(location.value.path).toBe('/m/m/rules/r%2F1')
    await click('Next open')
    expect(location.value.path).toBe('/m/m/rules/z')
    expect(reviews()).toEqual(['r/1 accepted', 'z accepted'])
  })
  it('stays where it is when it is refused, when the change is not stored, and when nothing else is open', async () => {
    await open()
    refuses = true
    await press('A')
    expect(location.value.path).toBe('/m/m/rules/r%2F1')
    expect(root.querySelector('.toasts')?.textContent).toContain('Not accepted: Sign-ins: there is no query to accept')
    refuses = false
    await press('e')
    editor().change('FROM mine')
    await settle()
    await press('A')
    expect(reviews().length).toBe(1)
    editor().change(stored.elastic_rule?.query ?? '')
    await settle()
    nextOpen = undefined
    await press('A')
    expect(location.value.path).toBe('/m/m/rules/r%2F1')
    expect(root.querySelector('.toasts')?.textContent).toContain('No other rule is open')
    expect(root.querySelector('.sign-off .tone-accepted')).not.toBeNull()
  })
  it('skips a rule without a decision', async () => {
    await open()
    await press('n')
    expect(location.value.path).toBe('/m/m/rules/z')
    expect(reviews()).toEqual([])
  })
  it('cannot be accepted without a query: it is passed over or rejected', async () => {
    stored = {...stored, elastic_rule: undefined}
    await open(undefined, 1)
    expect(button('Accept')?.title).toContain('There is no query to accept')
    expect(button('Accept and next')).toBeUndefined()
    await click('Next open')
    expect(location.value.path).toBe('/m/m/rules/z')
    expect(reviews()).toEqual([])
    await click('Accept and next')
    await click('Reject and next')
    expect(reviews()).toEqual(['z accepted', 'r/1 rejected'])
    expect(location.value.path).toBe('/m/m/rules/z')
    await press('R')
    expect(reviews().at(-1)).toBe('z rejected')
  })
  it('asks before a change is thrown away', async () => {
    await open()
    await press('e')
    await click('Close')
    expect(root.querySelector('.rule-editor')).toBeNull()
    await press('e')
    editor().change('FROM mine')
    await settle()
    await click('Discard')
    expect(document.querySelector('dialog')?.textContent).toContain('What you changed (query) is not stored')
    await click('Cancel')
    expect(editor().text).toBe('FROM mine')
    await click('Discard')
    document.querySelector<HTMLButtonElement>('dialog .danger')?.click()
    await settle()
    expect(root.querySelector('.rule-editor')).toBeNull()
    expect(writes()).toEqual([])
  })
  it('shows its newest comments, and older ones when they are asked for', async () => {
    happened = 120
    stored = {...stored, comments_total: 120}
    await open()
    expect(calls.some(c => c.path.endsWith('/history'))).toBe(false)
    ;[...root.querySelectorAll<HTMLElement>('[role=tab]')].find(t => t.textContent === 'History120')?.click()
    await settle()
    const texts = () => [...root.querySelectorAll('.history-text')].map(e => e.textContent)
    expect(texts().length).toBe(50)
    await click('Show older (70 of 120)')
    await click('Show older (20 of 120)')
    expect(texts()).toEqual(Array.from({length: 120}, (_, i) => `remark ${120 - i}`))
    expect(root.querySelector('.history-past > button')).toBeNull()
    // What comes new stands before those that are there.
    happened = 121
    stored = {...stored, revision: 4}
    publish({kind: 'rules', migration_id: 'm', changed: ['r/1'], more: false})
    await settle()
    expect(texts().length).toBe(121)
    expect(texts()[0]).toBe('remark 121')
  })
  it('offers readers nothing that writes', async () => {
    await open('reader')
    for (const name of ['Accept', 'Accept and next', 'Reject', 'Edit', 'Add the comment']) expect(button(name)).toBeUndefined()
    await press('e')
    await press('a')
    expect(root.querySelector('.rule-editor')).toBeNull()
    expect(calls.filter(c => c.method !== 'GET')).toEqual([])
  })
})
