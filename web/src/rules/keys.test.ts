// @vitest-environment happy-dom
import {describe, expect, it} from 'vitest'
import {actionOf, keyName, listKeys, type Press, ruleKeys} from './keys'

const press = (key: string, more: Partial<Press> = {}): Press => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  defaultPrevented: false,
  target: document.body,
  ...more,
})

function inside(html: string, selector: string): Element {
  const div = document.createElement('div')
  div.innerHTML = html
  document.body.append(div)
  return div.querySelector(selector)!
}

describe('keys', () => {
  it('gives every key one meaning', () => {
    for (const table of [listKeys, ruleKeys]) {
      const keys = table.flatMap(b => b.keys)
      expect(new Set(keys).size).toBe(keys.length)
    }
  })
  it('does what the table says', () => {
    const want: Record<string, string> = {
      j: 'next',
      k: 'previous',
      Enter: 'open',
      '/': 'search',
      e: 'edit',
      a: 'accept',
      r: 'reject',
      x: 'select',
      u: 'undo',
      '?': 'help',
      '*': 'selectAll',
    }
    for (const [key, action] of Object.entries(want)) expect(actionOf(press(key), listKeys, true)).toBe(action)
    expect(actionOf(press('q'), listKeys, true)).toBeNull()
  })
  it('gives readers nothing that writes', () => {
    for (const key of ['a', 'r', 'O', 'e', 'u', 'c']) {
      expect(actionOf(press(key), listKeys, false)).toBeNull()
      expect(actionOf(press(key), ruleKeys, false)).toBeNull()
    }
    expect(actionOf(press('j'), listKeys, false)).toBe('next')
  })
  it("leaves the browser's keys and typed text alone", () => {
    expect(actionOf(press('a', {ctrlKey: true}), listKeys, true)).toBeNull()
    expect(actionOf(press('r', {metaKey: true}), listKeys, true)).toBeNull()
    expect(actionOf(press('a', {defaultPrevented: true}), listKeys, true)).toBeNull()
    for (const [html, selector] of [
      ['<input>', 'input'],
      ['<input type=search>', 'input'],
      ['<textarea></textarea>', 'textarea'],
      ['<select></select>', 'select'],
      ['<div contenteditable="true"><b></b></div>', 'b'],
      ['<dialog><button></button></dialog>', 'button'],
    ] as const) {
      expect(actionOf(press('a', {target: inside(html, selector)}), listKeys, true)).toBeNull()
    }
    expect(actionOf(press('a', {target: inside('<input type=checkbox>', 'input')}), listKeys, true)).toBe('accept')
  })
  it('lets a button have its own enter', () => {
    expect(actionOf(press('Enter', {target: inside('<button></button>', 'button')}), listKeys, true)).toBeNull()
    expect(actionOf(press('j', {target: inside('<button></button>', 'button')}), listKeys, true)).toBe('next')
  })
  it('writes keys for readers', () => {
    expect(['j', 'X', 'ArrowUp', ' ', 'Escape', '?'].map(keyName)).toEqual(['j', 'Shift X', '↑', 'Space', 'Esc', '?'])
  })
})
