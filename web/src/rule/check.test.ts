import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import type {Checked} from '../api/types'
import {errorsOf, foundWords, LiveCheck} from './check'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function server() {
  const calls: {query: string; signal: AbortSignal; answer: (c: Checked) => void; fail: (e: unknown) => void}[] = []
  const check = (query: string, signal: AbortSignal) =>
    new Promise<Checked>((answer, fail) => {
      calls.push({query, signal, answer, fail})
    })
  return {calls, check}
}
const one: Checked = {problems: [{severity: 'error', message: 'unknown column', start: {line: 1, column: 1}, end: {line: 1, column: 2}}]}

describe('live check', () => {
  it('tells what is found in a query, and asks only where it is not known', async () => {
    const s = server()
    const live = new LiveCheck(s.check, 100)
    live.ask('FROM a')
    await vi.advanceTimersByTimeAsync(100)
    s.calls[0]?.answer(one)
    await vi.advanceTimersByTimeAsync(0)
    expect(await live.of('FROM a')).toBe(one)
    expect(await live.of(' ')).toEqual({problems: []})
    const other = live.of('FROM b')
    expect(s.calls.map(c => c.query)).toEqual(['FROM a', 'FROM b'])
    s.calls[1]?.answer({problems: []})
    expect(await other).toEqual({problems: []})
    expect(errorsOf([...one.problems, {...one.problems[0]!, severity: 'warning'}])).toEqual(one.problems)
    const [wrong] = one.problems
    expect([foundWords(), foundWords([wrong!]), foundWords([{...wrong!, severity: 'warning'}, wrong!, {...wrong!, severity: 'warning'}])]).toEqual(['', '1 error', '1 error and 2 warnings'])
  })
  it('asks once when the typing rests, about the newest text', async () => {
    const s = server()
    const live = new LiveCheck(s.check, 100)
    live.ask('FROM a')
    await vi.advanceTimersByTimeAsync(60)
    live.ask('FROM ab')
    await vi.advanceTimersByTimeAsync(60)
    expect(s.calls.length).toBe(0)
    await vi.advanceTimersByTimeAsync(60)
    expect(s.calls.map(c => c.query)).toEqual(['FROM ab'])
    s.calls[0]!.answer(one)
    await vi.advanceTimersByTimeAsync(0)
    expect(live.state.value).toEqual({kind: 'done', last: one})
    expect(live.checked).toBe('FROM ab')
  })
  it('aborts an older call and drops its late answer', async () => {
    const s = server()
    const live = new LiveCheck(s.check, 10)
    live.ask('old')
    await vi.advanceTimersByTimeAsync(20)
    live.ask('new')
    await vi.advanceTimersByTimeAsync(20)
    expect(s.calls[0]!.signal.aborted).toBe(true)
    s.calls[1]!.answer({problems: []})
    await vi.advanceTimersByTimeAsync(0)
    s.calls[0]!.answer(one)
    await vi.advanceTimersByTimeAsync(0)
    expect(live.state.value).toEqual({kind: 'done', last: {problems: []}})
  })
  it('keeps the last answer while it asks again, and says what failed', async () => {
    const s = server()
    const live = new LiveCheck(s.check, 10)
    live.ask('a')
    await vi.advanceTimersByTimeAsync(20)
    s.calls[0]!.answer(one)
    await vi.advanceTimersByTimeAsync(0)
    live.ask('b')
    expect(live.state.value).toEqual({kind: 'checking', last: one})
    await vi.advanceTimersByTimeAsync(20)
    s.calls[1]!.fail(new Error('away'))
    await vi.advanceTimersByTimeAsync(0)
    expect(live.state.value).toMatchObject({kind: 'failed', last: one})
    live.again()
    await vi.advanceTimersByTimeAsync(20)
    expect(s.calls.length).toBe(3)
  })
  it('does not ask about nothing, nor twice about the same', async () => {
    const s = server()
    const live = new LiveCheck(s.check, 10)
    live.ask('  ')
    live.ask('a')
    live.ask('a')
    await vi.advanceTimersByTimeAsync(50)
    expect(s.calls.map(c => c.query)).toEqual(['a'])
    live.stop()
    expect(s.calls[0]!.signal.aborted).toBe(true)
    expect(live.state.value).toEqual({kind: 'idle'})
  })
})
