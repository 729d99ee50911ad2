import {render} from 'preact'
import {afterEach, beforeEach, expect, it, vi} from 'vitest'
import type {Session} from '../api/types'
import {session} from '../session'
import {AssistantView} from './assistant'

let root: HTMLElement
let say: ((text: string) => void) | undefined
let aborted = false

const settle = async () => {
  for (let i = 0; i < 8; i++) await new Promise(r => setTimeout(r, 0))
}
const open = async (conversation?: string) => {
  render(<AssistantView params={conversation ? {conversation} : {}} query={new URLSearchParams()} />, root)
  await settle()
}

beforeEach(() => {
  root = document.createElement('div')
  document.body.append(root)
  session.value = {user: {name: 'anna', role: 'operator'}, auth: true, features: {assistant: true}, connectors: [{id: 'deterministic', kind: 'deterministic'}]} as unknown as Session
  aborted = false
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    if (input.endsWith('/_execute')) {
      const body = new ReadableStream<Uint8Array>({start(c) {
        init.signal?.addEventListener('abort', () => {
          aborted = true
          c.error(new DOMException('stopped', 'AbortError'))
        })
        say = text => c.enqueue(new TextEncoder().encode(`event: content\ndata: ${JSON.stringify({type: 'content', payload: text})}\n\n`))
      }})
      return new Response(body, {headers: {'Content-Type': 'text/event-stream'}})
    }
    const id = input.split('/conversations/')[1]
    return new Response(JSON.stringify(id ? {id, title: id, turns: [{role: 'user', content: `question of ${id}`}], replacements: {}} : []))
  })
})
afterEach(() => {
  render(null, root)
  root.remove()
})

it('shows nothing of an answer in another conversation that is opened meanwhile', async () => {
  await open('first')
  const box = root.querySelector<HTMLTextAreaElement>('.composer textarea')!
  box.value = 'secret question'
  box.dispatchEvent(new Event('input', {bubbles: true}))
  await settle()
  root.querySelector('form.composer')!.dispatchEvent(new Event('submit', {bubbles: true, cancelable: true}))
  await settle()
  say!('half an')
  await settle()
  expect(root.textContent).toContain('half an')
  await open('second')
  expect(aborted).toBe(true)
  await settle()
  expect(root.querySelector('.chat-turns')?.textContent).toContain('question of second')
  expect(root.querySelector('.chat-turns')?.textContent).not.toContain('secret question')
  expect(root.querySelector('.composer')?.textContent).toContain('Ask')
})
