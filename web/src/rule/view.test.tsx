import {render} from 'preact'
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import {publish} from '../api/events'
import type {Role, Rule, Session, Stages} from '../api/types'
import {location, parse} from '../router'
import {forgetList} from '../rules/model'
import {session} from '../session'
import {Toasts} from '../ui/toast'
import {keepEdit} from './edit'
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
  if (c.path.endsWith('/rule') && c.method === 'GET') return [stored]
  if (c.path.endsWith('/stages')) return [stages]
  if (c.path.endsWith('/rows/ids')) return [{total: 3, ids: ['a', 'r/1', 'z']}]
  if (c.path.endsWith('/check')) return [{problems: String(c.body?.['query']).includes('wrong') ? [{severity: 'error', message: 'unknown column [wrong]', start: at(1, 1), end: at(1, 2)}] : []}]
  if (c.path.endsWith('/review')) {
    const [r] = c.body?.['rules'] as {rule_id: string; state: 'open' | 'accepted' | 'rejected'}[]
    stored = {...stored, revision: stored.revision + 1, review: r!.state === 'open' ? undefined : {state: r!.state, by: 'anna', at: new Date().toISOString()}}
    return [{changed: [{rule_id: r!.rule_id, revision: stored.revision, state: r!.state, previous: 'open'}], refused: []}]
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

const Page = () => <><RuleView params={{id: 'm', rule: 'r/1'}} query={location.value.query} /><Toasts /></>

async function open(role: Role = 'operator') {
  session.value = {user: {name: 'anna', role}, auth: true, elasticsearch: false} as Session
  location.value = parse('#/m/m/rules/r%2F1?sort=holes')
  render(<Page />, root)
  // Editors are loaded when they are first shown.
  await vi.waitFor(() => { if (editors.size < 2) throw new Error('no editors yet') }, 3000)
  await settle()
}

beforeEach(() => {
  calls = []
  stored = fresh()
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
})

describe('one rule', () => {
  it('shows its searches, its stages and its notes, worst first, consequences apart', async () => {
    await open()
    expect(root.querySelector('h2')?.textContent).toBe('Sign-ins')
    expect(editors.get('SPL search')?.text).toBe('index=a | foo | stats count by user')
    expect([...root.querySelectorAll('.stage-button')].map(b => b.textContent)).toEqual(['1search', '2stats'])
    expect([...root.querySelectorAll('.rule-note .badge')].map(b => b.textContent)).toEqual(['hole', 'follows', 'note'])
    expect(root.querySelector('.rule-facts')?.textContent).toContain('1 hole')
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
    expect(root.querySelector('.rule-place')?.textContent).toBe('2 of 3')
    await press('j')
    expect(location.value.path).toBe('/m/m/rules/z')
    expect(location.value.query.toString()).toBe('sort=holes')
  })
  it('offers readers nothing that writes', async () => {
    await open('reader')
    for (const name of ['Accept', 'Reject', 'Edit', 'Add the comment']) expect(button(name)).toBeUndefined()
    await press('e')
    await press('a')
    expect(root.querySelector('.rule-editor')).toBeNull()
    expect(calls.filter(c => c.method !== 'GET')).toEqual([])
  })
})
