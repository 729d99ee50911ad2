import {render} from 'preact'
import {afterEach, beforeEach, expect, it, vi} from 'vitest'
import type {Imported, Session} from '../api/types'
import {session} from '../session'
import {Toasts} from '../ui'
import {ImportedDialog} from './dialogs'

const found: Imported = {migration_id: 'm', added: 3, upserted: 0, disabled: 0, counts: [], items: [], concerns: {} as Imported['concerns']}
let root: HTMLElement
let calls: string[] = []

const settle = async () => { for (let i = 0; i < 10; i++) await new Promise(r => setTimeout(r)) }

beforeEach(async () => {
  calls = []
  session.value = {user: {name: 'anna', role: 'operator'}, auth: true, connectors: []} as unknown as Session
  root = document.createElement('div')
  document.body.append(root)
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    calls.push(`${init.method} ${new URL(input, 'http://gateway').pathname.split('/').slice(-2).join('/')} ${String(init.body)}`)
    return new Response(JSON.stringify({started: true}))
  })
})
afterEach(() => {
  for (const b of root.querySelectorAll<HTMLButtonElement>('[aria-label="Close the message"]')) b.click()
  render(null, root)
  root.remove()
  vi.unstubAllGlobals()
})

const show = async (onClose: () => void) => {
  render(<><ImportedDialog found={found} title="Acme" left={0} onClose={onClose} /><Toasts /></>, root)
  await settle()
}

it('starts at Enter in the name', async () => {
  const closed = vi.fn()
  await show(closed)
  const name = document.querySelector<HTMLInputElement>('dialog input')!
  name.value = 'Acme 2'
  name.dispatchEvent(new Event('input', {bubbles: true}))
  await settle()
  name.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))
  await settle()
  expect(calls.slice(-2).map(c => c.split(' ')[0])).toEqual(['PATCH', 'PUT'])
  expect(calls.at(-2)).toContain('"name":"Acme 2"')
  expect(calls.at(-1)).toContain('m/start')
  expect(closed).toHaveBeenCalledTimes(1)
})

it('says what stays where it is closed without a start', async () => {
  const closed = vi.fn()
  await show(closed)
  expect(document.querySelector('dialog')?.textContent).toContain('the migration stays in the list, ready to start')
  document.querySelector<HTMLButtonElement>('dialog [aria-label=Close]')?.click()
  await settle()
  expect(closed).toHaveBeenCalledTimes(1)
  expect(calls.some(c => c.includes('/start'))).toBe(false)
  expect(root.querySelector('.toasts')?.textContent).toContain('Acme is ready: start it whenever you like')
})
