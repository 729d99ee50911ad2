import {render} from 'preact'
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import type {Facets, Role, RuleRow, Session} from '../api/types'
import {location, parse} from '../router'
import {session} from '../session'
import {Toasts} from '../ui/toast'
import {forgetList} from './model'
import {lastUndo} from './review'
import {causeName} from './facets'
import {under} from './row'
import {emptyColumns, RulesView} from './view'

interface Call {
  method: string
  url: URL
  body?: {rules?: {rule_id: string; revision?: number; state: string}[]}
}

const total = 10_000
let calls: Call[] = []
let root: HTMLElement
let refuse: string[] = []
const reviews = new Map<string, string>()

const row = (i: number): RuleRow => ({
  id: `r${i}`, title: `Rule ${i}`, status: 'finished', translation_result: 'full', near: 0, holes: 0, approximations: 0, causes: [], sources: ['logs-*'],
  tactics: [], techniques: [], review: (reviews.get(`r${i}`) ?? 'open') as RuleRow['review'], revision: 7, updated_at: '2026-01-01T00:00:00Z', updated_by: '',
})

function gateway(url: URL, method: string, body: Call['body']): unknown {
  const q = url.searchParams
  if (url.pathname.endsWith('/rows')) {
    const offset = Number(q.get('offset')), n = q.get('result') === 'partial' ? 3 : total
    const rows = Array.from({length: Math.max(0, Math.min(Number(q.get('limit')), n - offset))}, (_, i) => row(offset + i))
    const facets = {status: {finished: total}, result: {full: total - 3, partial: 3}, review: {open: total}, matched: {no: total}, causes: [], sources: [], tactics: [], techniques: [], apps: []}
    return {total: n, offset, rows, as_of: '', ...(q.get('facets') ? {facets} : {})}
  }
  if (url.pathname.endsWith('/rows/ids')) return {total, ids: Array.from({length: total}, (_, i) => `r${i}`), revisions: Array.from({length: total}, () => 6)}
  if (url.pathname.endsWith('/review') && method === 'POST') {
    const rules = body?.rules ?? []
    const changed = rules.filter(r => !refuse.includes(r.rule_id)).map(r => {
      const previous = reviews.get(r.rule_id) ?? 'open'
      reviews.set(r.rule_id, r.state)
      return {rule_id: r.rule_id, revision: 8, state: r.state, previous}
    })
    return {changed, refused: rules.filter(r => refuse.includes(r.rule_id)).map(r => ({rule_id: r.rule_id, why: 'Ben changed it meanwhile', revision: 9}))}
  }
  throw new Error(`no route ${url.pathname}`)
}

const settle = async () => {
  for (let i = 0; i < 6; i++) await new Promise(r => setTimeout(r, 0))
}
const press = async (key: string, target: EventTarget = document.body) => {
  target.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}))
  await settle()
}
const rows = () => [...root.querySelectorAll('.rule-row')]
const button = (name: string) => [...document.querySelectorAll('button')].find(b => b.textContent?.trim() === name)
const asked = (path: string) => calls.filter(c => c.url.pathname.endsWith(path))

function Page() {
  return <><RulesView params={{id: 'm'}} query={location.value.query} /><Toasts /></>
}

async function open(hash = '#/m/m/rules', role: Role = 'operator') {
  session.value = {user: {name: 'anna', role}, auth: true} as Session
  location.value = parse(hash)
  render(<Page />, root)
  await settle()
}

beforeEach(() => {
  calls = []
  refuse = []
  reviews.clear()
  lastUndo.value = null
  root = document.createElement('div')
  document.body.append(root)
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    const call: Call = {method: init.method ?? 'GET', url: new URL(input, 'http://gateway'), body: init.body ? JSON.parse(String(init.body)) as Call['body'] : undefined}
    calls.push(call)
    return new Response(JSON.stringify(gateway(call.url, call.method, call.body)))
  })
  // There is no layout here: the list is 600 pixels high.
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(600)
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(800)
})
afterEach(() => {
  // Messages outlive the page that showed them.
  for (const b of root.querySelectorAll<HTMLButtonElement>('[aria-label="Close the message"]')) b.click()
  render(null, root)
  root.remove()
  forgetList()
})

describe('the list', () => {
  it('shows 10,000 rules with one query and few rows', async () => {
    await open()
    expect(calls.length).toBe(1)
    expect(calls[0]?.url.searchParams.get('facets')).toBe('true')
    expect(rows().length).toBeGreaterThan(10)
    expect(rows().length).toBeLessThan(200)
    expect(root.querySelector('[role=grid]')?.getAttribute('aria-rowcount')).toBe('10001')
    expect(root.querySelector('.rules-count')?.textContent).toContain('10,000 rules')
  })
  it('is moved through and decided on by the keyboard alone, and what was done is undone', async () => {
    await open()
    await press('j')
    expect(root.querySelector('.cursor .rule-title')?.textContent).toBe('Rule 1')
    expect(root.querySelector('[role=grid]')?.getAttribute('aria-activedescendant')).toBe(root.querySelector('.cursor')?.id)
    await press('x')
    await press('j')
    await press('j')
    await press('X')
    expect(root.querySelectorAll('[aria-selected=true]').length).toBe(3)
    await press('a')
    expect(asked('/review')[0]?.body?.rules).toEqual([1, 2, 3].map(i => ({rule_id: `r${i}`, revision: 7, state: 'accepted'})))
    expect(root.textContent).toContain('3 rules accepted')
    expect(root.querySelectorAll('.cell-review .tone-accepted').length).toBe(3)
    await press('u')
    expect(asked('/review')[1]?.body?.rules).toEqual([1, 2, 3].map(i => ({rule_id: `r${i}`, revision: 8, state: 'open'})))
    expect(root.querySelectorAll('.cell-review .tone-accepted').length).toBe(0)
  })
  it('tells of the last decision alone, and takes back what the message names', async () => {
    await open()
    const told = () => [...document.querySelectorAll('.toast-text')].map(t => t.textContent)
    await press('a')
    await press('j')
    await press('a')
    expect(told()).toEqual(['1 rule accepted: Rule 1'])
    ;[...document.querySelectorAll<HTMLButtonElement>('.toast button')].find(b => b.textContent === 'Undo')?.click()
    await settle()
    expect(asked('/review')[2]?.body?.rules).toEqual([{rule_id: 'r1', revision: 8, state: 'open'}])
    expect(told()).toEqual(['1 rule as before: Rule 1'])
    await press('k')
    await press('r')
    await press('u')
    expect(told()).toEqual(['1 rule as before: Rule 0'])
    await press('u')
    expect(told()).toEqual(['There is nothing to undo.'])
  })
  it('hides the columns that are empty for every rule, and the ids that say nothing more', () => {
    const facets = {techniques: [], sources: [{name: 'logs-*', rules: 1}]} as unknown as Facets
    expect([emptyColumns(facets), emptyColumns({...facets, techniques: [{name: 'T1', rules: 1}], sources: null} as unknown as Facets), emptyColumns(undefined)]).toEqual([' no-mitre', ' no-sources', ''])
    expect(under({...row(1), id: 'acme:Rule 1', app: 'acme', disabled: true})).toBe('acme · disabled in Splunk')
    expect(under({...row(1), id: 'acme:Rule 1#2', app: 'acme'})).toBe('acme:Rule 1#2 · acme')
    expect(causeName({code: 'unsupported_command', subject: 'join'})).toBe('join: command without a counterpart')
  })
  it('chooses all that match by their ids, and never asks for a row by itself', async () => {
    await open()
    await press('*')
    expect(asked('/rows/ids').length).toBe(1)
    expect(root.querySelector('.bulk')?.textContent).toContain('10,000 rules chosen')
    expect(asked('/rows').length).toBe(1)
    // What is sent is what the listing knew, also of the rows that are shown: somebody's later change is told.
    refuse = ['r3', 'r7000']
    await press('a')
    const sent = asked('/review')[0]?.body?.rules ?? []
    expect(sent.length).toBe(10_000)
    expect(new Set(sent.map(r => r.revision))).toEqual(new Set([6]))
    expect(document.querySelector('dialog')?.textContent).toContain('2 rules not accepted')
    document.querySelector<HTMLButtonElement>('dialog .primary')?.click()
    await settle()
    expect(root.querySelector('.bulk')?.textContent).toContain('2 rules chosen')
    // Who was told decides again, about the state that was told.
    refuse = []
    await press('a')
    expect(asked('/review')[1]?.body?.rules).toEqual([{rule_id: 'r3', revision: 9, state: 'accepted'}, {rule_id: 'r7000', revision: 9, state: 'accepted'}])
    await press('*')
    await press('Escape')
    expect(root.querySelector('.bulk')).toBeNull()
  })
  it('names the rules that were refused', async () => {
    await open()
    refuse = ['r1']
    await press('x')
    await press('j')
    await press('x')
    await press('r')
    const dialog = document.querySelector('dialog')
    expect(dialog?.textContent).toContain('Rule 1')
    expect(dialog?.textContent).toContain('Ben changed it meanwhile')
    expect(root.querySelectorAll('[aria-selected=true]').length).toBe(1)
  })
  it('has its filters in the address, and one query for each', async () => {
    await open()
    ;[...root.querySelectorAll<HTMLButtonElement>('.choice')].find(c => c.textContent?.startsWith('Partial'))?.click()
    await settle()
    expect(location.value.query.toString()).toBe('result=partial')
    expect(asked('/rows').map(c => c.url.searchParams.get('result'))).toEqual([null, 'partial'])
    expect(rows().length).toBe(3)
    expect(root.querySelector('.rules-count')?.textContent).toContain('3 of 10,000 rules')
    button('Clear all')?.click()
    await settle()
    expect(location.value.query.toString()).toBe('')
  })
  it('keeps a filter that is chosen while a search is still being typed', async () => {
    await open()
    const box = root.querySelector<HTMLInputElement>('input[type=search]')!
    box.value = 'power'
    box.dispatchEvent(new Event('input', {bubbles: true}))
    ;[...root.querySelectorAll<HTMLButtonElement>('.choice')].find(c => c.textContent?.startsWith('Partial'))?.click()
    await new Promise(r => setTimeout(r, 300))
    await settle()
    expect(Object.fromEntries(location.value.query)).toEqual({result: 'partial', q: 'power'})
  })
  it('searches from the keyboard, and helps', async () => {
    await open()
    await press('/')
    const box = root.querySelector<HTMLInputElement>('input[type=search]')!
    expect(document.activeElement).toBe(box)
    box.value = 'power shell'
    box.dispatchEvent(new Event('input', {bubbles: true}))
    await press('Enter', box)
    expect(location.value.query.get('q')).toBe('power shell')
    expect(document.activeElement).not.toBe(box)
    await press('?')
    expect(document.querySelector('dialog')?.textContent).toContain('Accept the chosen rules')
  })
  it('opens a rule with the list in its address, and finds its place again', async () => {
    await open('#/m/m/rules?sort=holes')
    await press('j')
    await press('j')
    await press('Enter')
    expect(location.value.path).toBe('/m/m/rules/r2')
    expect(location.value.query.toString()).toBe('sort=holes')
    render(null, root)
    const before = calls.length
    await open('#/m/m/rules?sort=holes')
    expect(root.querySelector('.cursor .rule-title')?.textContent).toBe('Rule 2')
    expect(calls.slice(before).map(c => c.url.pathname.split('/').at(-1))).toEqual(['rows'])
  })
  it('asks for what one stops at, not for what flies past', async () => {
    await open()
    vi.useFakeTimers()
    try {
      const box = root.querySelector<HTMLElement>('.rule-list')!
      for (const top of [44_000, 88_000, 132_000, 220_000]) {
        box.scrollTop = top
        box.dispatchEvent(new Event('scroll'))
        await vi.advanceTimersByTimeAsync(40)
      }
      await vi.advanceTimersByTimeAsync(1_000)
    } finally {
      vi.useRealTimers()
    }
    await settle()
    expect(asked('/rows').map(c => c.url.searchParams.get('offset'))).toEqual(['0', '4900', '5000'])
    expect(root.querySelectorAll('.rule-row.waiting').length).toBe(0)
  })
  it('lets readers look and nothing more', async () => {
    await open('#/m/m/rules', 'reader')
    await press('x')
    expect(root.querySelector('.bulk')).not.toBeNull()
    for (const name of ['Accept', 'Reject', 'Reopen', 'Translate again']) expect(button(name)).toBeUndefined()
    await press('a')
    expect(asked('/review').length).toBe(0)
  })
})
