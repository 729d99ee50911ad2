import {render} from 'preact'
import {act} from 'preact/test-utils'
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import {ErrorState, PartsBar} from './basic'
import {ago, bytes, count, percent, words} from './format'
import {Menu} from './menu'
import {Tabs} from './tabs'
import {toast, Toasts} from './toast'

let root: HTMLElement
beforeEach(() => {
  root = document.createElement('div')
  document.body.append(root)
})
afterEach(() => {
  render(null, root)
  root.remove()
})
const show = (x: preact.ComponentChild) => act(() => render(x, root))
const key = (target: Element | null, k: string) => act(() => { target?.dispatchEvent(new KeyboardEvent('keydown', {key: k, bubbles: true, cancelable: true})) })

describe('Menu', () => {
  it('is used by the keyboard alone: opens, moves round, chooses, closes and gives the focus back', async () => {
    const chosen = vi.fn()
    await show(<Menu label="More" items={[{label: 'Rename', onSelect: chosen}, {label: 'Delete', why: 'Needs the role admin', onSelect: chosen}]} />)
    const button = root.querySelector('button')
    button?.focus()
    await key(button, 'ArrowDown')
    const items = [...root.querySelectorAll<HTMLElement>('[role=menuitem]')]
    expect(document.activeElement).toBe(items[0])
    await key(items[0] ?? null, 'ArrowUp')
    expect(document.activeElement).toBe(items[1])
    await act(() => items[1]?.click())
    expect(chosen).not.toHaveBeenCalled() // it may not be chosen, and says why
    await act(() => items[0]?.click())
    expect(chosen).toHaveBeenCalledTimes(1)
    expect(root.querySelector('[role=menu]')).toBeNull()
    expect(document.activeElement).toBe(button)
  })
})

describe('Tabs', () => {
  it('move with arrows, and only the current one is in the order of Tab', async () => {
    const change = vi.fn()
    const tabs = ['a', 'b', 'c'].map(id => ({id, label: id, panel: () => `panel ${id}`}))
    await show(<Tabs label="Parts" tabs={tabs} current="c" onChange={change} />)
    expect([...root.querySelectorAll('[role=tab]')].map(t => t.getAttribute('tabindex'))).toEqual(['-1', '-1', '0'])
    expect(root.querySelector('[role=tabpanel]')?.textContent).toBe('panel c')
    await key(root.querySelector('[aria-selected=true]'), 'ArrowRight')
    expect(change).toHaveBeenCalledWith('a')
  })
})

describe('a toast', () => {
  it('takes the action back once', async () => {
    const undo = vi.fn()
    await show(<Toasts />)
    await act(() => { toast('3 rules are accepted', {undo}) })
    expect(root.querySelector('[role=status]')?.textContent).toContain('3 rules are accepted')
    // Other tests may have left toasts.
    const mine = [...root.querySelectorAll('.toast')].find(t => t.textContent?.includes('3 rules are accepted'))
    await act(() => [...mine?.querySelectorAll('button') ?? []].find(b => b.textContent === 'Undo')?.click())
    expect(undo).toHaveBeenCalledTimes(1)
    expect(root.textContent).not.toContain('3 rules are accepted')
  })
  it('gives way to a newer one about the same, and to no other', async () => {
    await show(<Toasts />)
    await act(() => {
      toast('one', {about: 'a'})
      toast('two', {about: 'b'})
      toast('three')
      toast('four', {about: 'a'})
      toast('five')
    })
    const told = [...root.querySelectorAll('.toast-text')].map(t => t.textContent)
    expect(told.slice(-4)).toEqual(['two', 'three', 'four', 'five'])
    expect(told).not.toContain('one')
  })
})

describe('what is shown', () => {
  it('says bars and errors in words', async () => {
    await show(<PartsBar label="Rules" parts={[{tone: 'full', label: 'full', n: 2}, {tone: 'error', label: 'in error', n: 0}, {tone: 'partial', label: 'partial', n: 1}]} />)
    expect(root.querySelector('[role=img]')?.getAttribute('aria-label')).toBe('Rules: 2 full, 1 partial')
    await show(<ErrorState error={new Error('the store is not available')} retry={() => {}} />)
    expect(root.querySelector('[role=alert]')?.textContent).toContain('the store is not available')
  })

  it('has numbers with their units', () => {
    expect([count(1, 'rule'), count(0, 'rule'), count(1200, 'rule').replace(/\D/, ',')]).toEqual(['1 rule', '0 rules', '1,200 rules'])
    expect([percent(0, 0), percent(1, 1000), percent(999, 1000), percent(1, 3)]).toEqual(['0 %', '< 1 %', '> 99 %', '33 %'])
    expect([bytes(12), bytes(1500), bytes(2_340_000)]).toEqual(['12 B', '1.5 kB', '2.3 MB'])
    expect(words('unknown_macro')).toBe('Unknown macro')
    const now = Date.parse('2026-12-01T12:00:00Z')
    expect(['2026-12-01T11:59:55Z', '2026-12-01T11:59:03Z', '2026-12-01T11:57:00Z', '2026-12-01T05:00:00Z', '2026-11-20T12:00:00Z', '2026-12-01T12:02:00Z', 'nonsense'].map(t => ago(t, now)))
      .toEqual(['just now', '57 s ago', '3 min ago', '7 h ago', '11 d ago', 'in 2 min', ''])
  })
})
