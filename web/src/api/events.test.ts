import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import {decode, follow, live, type LiveEvent} from './events'

/** A gateway whose answers a test gives one by one. */
function gateway() {
  const calls: {url: string; headers: Record<string, string>}[] = []
  let next: ((i: number) => Response) | undefined
  vi.stubGlobal('fetch', vi.fn(async (url: string, init: RequestInit) => {
    calls.push({url, headers: init.headers as Record<string, string>})
    const res = next?.(calls.length)
    if (!res) throw new TypeError('failed to fetch')
    return res
  }))
  return {calls, answer: (f: (i: number) => Response) => { next = f }, away: () => { next = undefined }}
}

function stream(text: string, open = false): Response {
  return new Response(new ReadableStream<Uint8Array>({
    start(c) {
      c.enqueue(new TextEncoder().encode(text))
      if (!open) c.close()
    },
  }), {headers: {'Content-Type': 'text/event-stream'}})
}

const deleted = (id: number, m: string) => `id: ${id}\nevent: deleted\ndata: {"migration_id":"${m}"}\n\n`

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the stream of events', () => {
  it('goes on after a break with the id of the last event', async () => {
    const g = gateway()
    const got: LiveEvent[] = []
    g.answer(i => stream(deleted(i, 'm' + i), i > 1))
    const stop = follow('M 1', e => got.push(e))
    await vi.advanceTimersByTimeAsync(2000)
    stop()
    expect(g.calls).toHaveLength(2)
    expect(g.calls[0]?.url).toContain('/events?migration_id=M+1')
    expect(g.calls[0]?.headers).not.toHaveProperty('Last-Event-ID')
    expect(g.calls[1]?.headers).toMatchObject({'Last-Event-ID': '1'})
    expect(got).toEqual([{kind: 'deleted', migration_id: 'm1'}, {kind: 'deleted', migration_id: 'm2'}])
  })

  it('says that the gateway is away, waits longer each time, and says when it is back', async () => {
    const g = gateway()
    const got: LiveEvent[] = []
    const stop = follow(undefined, e => got.push(e))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(live.value).toBe('away')
    // 0.5, 1, 2, 4, 8, 15, 15 s: eight calls in a minute, not one a second.
    expect(g.calls.length).toBe(8)
    g.answer(() => stream(': here\n\n', true))
    await vi.advanceTimersByTimeAsync(16_000)
    expect(live.value).toBe('up')
    // Nothing is known of what was missed: views read anew.
    expect(got).toEqual([{kind: 'reset'}])
    stop()
    expect(live.value).toBe('off')
  })

  it('forgets its place when the server says that it is too old', async () => {
    const g = gateway()
    const got: LiveEvent[] = []
    g.answer(i => i === 1 ? stream(deleted(5, 'a')) : i === 2 ? stream('event: reset\ndata: {}\n\n') : stream(': x\n\n', true))
    const stop = follow(undefined, e => got.push(e))
    await vi.advanceTimersByTimeAsync(5000)
    stop()
    expect(g.calls[1]?.headers).toMatchObject({'Last-Event-ID': '5'})
    expect(g.calls[2]?.headers).not.toHaveProperty('Last-Event-ID')
    expect(got.map(e => e.kind)).toEqual(['deleted', 'reset', 'reset'])
  })

  it('gives a connection up on which nothing is heard for three heartbeats, and takes another', async () => {
    const calls: AbortSignal[] = []
    vi.stubGlobal('fetch', vi.fn(async (_: string, init: RequestInit) => {
      const signal = init.signal as AbortSignal
      calls.push(signal)
      return new Response(new ReadableStream<Uint8Array>({start(c) { signal.addEventListener('abort', () => c.error(new DOMException('aborted', 'AbortError'))) }}))
    }))
    const stop = follow(undefined, () => {})
    await vi.advanceTimersByTimeAsync(44_000)
    expect(calls).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(3000)
    expect(calls[0]?.aborted).toBe(true)
    expect(calls).toHaveLength(2)
    stop()
  })

  it('makes no call after it was stopped', async () => {
    const g = gateway()
    const stop = follow(undefined, () => {})
    await vi.advanceTimersByTimeAsync(100)
    stop()
    const n = g.calls.length
    await vi.advanceTimersByTimeAsync(60_000)
    expect(g.calls).toHaveLength(n)
  })
})

describe('an event', () => {
  it('that is not known, or broken, is none', () => {
    expect(decode({id: '1', event: 'later', data: '{}'})).toBeUndefined()
    expect(decode({id: '1', event: 'stats', data: '{'})).toBeUndefined()
    expect(decode({id: '1', event: 'stats', data: '{}'})).toBeUndefined()
    expect(decode({id: '1', event: 'rules', data: '{"migration_id":"m","changed":["a"],"more":true}'})).toEqual({kind: 'rules', migration_id: 'm', changed: ['a'], more: true})
  })
})
