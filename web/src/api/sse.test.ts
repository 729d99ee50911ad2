import {describe, expect, it} from 'vitest'
import {EventParser} from './sse'

describe('EventParser', () => {
  it('gives events whole, however the stream is cut', () => {
    const text = 'id: 7\nevent: stats\ndata: {"a":\ndata: 1}\n\n: still here\n\nid: 8\r\ndata: x\r\n\r\n'
    for (let size = 1; size <= text.length; size++) {
      const p = new EventParser()
      const events = []
      for (let i = 0; i < text.length; i += size) events.push(...p.push(text.slice(i, i + size)))
      expect(events, `pieces of ${size}`).toEqual([{id: '7', event: 'stats', data: '{"a":\n1}'}, {id: '8', event: 'message', data: 'x'}])
    }
  })

  it('gives nothing for comments and for events without data, and keeps the wait that is asked for', () => {
    const p = new EventParser()
    expect(p.push(': beat\n\nevent: stats\n\nretry: 1500\n\n')).toEqual([])
    expect(p.retry).toBe(1500)
  })
})
