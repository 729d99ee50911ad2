import {render} from 'preact'
import {act} from 'preact/test-utils'
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import {ApiError, reachable} from './api/client'
import {useLoad} from './load'

let root: HTMLElement
beforeEach(() => {
  root = document.createElement('div')
  reachable.value = true
})
afterEach(() => render(null, root))

function View({fetch, id}: {fetch: (s: AbortSignal) => Promise<string>; id: string}) {
  const r = useLoad(fetch, [id])
  return <p>{r.error ? String((r.error as Error).message) : r.data ?? 'loading'}</p>
}

describe('useLoad', () => {
  it('reads again by itself when the gateway is back, and only then', async () => {
    const fetch = vi.fn<() => Promise<string>>()
    fetch.mockImplementationOnce(async () => { reachable.value = false; throw new ApiError(0, 'away') }).mockImplementation(async () => 'here')
    await act(async () => { render(<View fetch={fetch} id="1" />, root) })
    await act(async () => { await new Promise(r => setTimeout(r, 10)) })
    expect(root.textContent).toBe('away')
    expect(fetch).toHaveBeenCalledTimes(1)
    await act(async () => { reachable.value = true })
    await act(async () => { await new Promise(r => setTimeout(r, 10)) })
    expect(root.textContent).toBe('here')
    expect(fetch).toHaveBeenCalledTimes(2)
  })

  it('does not repeat what was refused', async () => {
    const fetch = vi.fn(async (): Promise<string> => { throw new ApiError(403, 'refused') })
    await act(async () => { render(<View fetch={fetch} id="1" />, root) })
    await act(async () => { await new Promise(r => setTimeout(r, 10)) })
    expect(root.textContent).toBe('refused')
    await act(async () => { reachable.value = false })
    await act(async () => { reachable.value = true })
    await act(async () => { await new Promise(r => setTimeout(r, 10)) })
    expect(fetch).toHaveBeenCalledTimes(1)
  })

  it('never shows what belongs to another', async () => {
    let answer: (s: string) => void = () => {}
    const signals: AbortSignal[] = []
    const fetch = (s: AbortSignal) => { signals.push(s); return new Promise<string>(r => { answer = r }) }
    await act(async () => { render(<View fetch={fetch} id="1" />, root) })
    const first = answer
    await act(async () => { render(<View fetch={fetch} id="2" />, root) })
    expect(signals[0]?.aborted).toBe(true)
    await act(async () => { first('of 1') })
    expect(root.textContent).toBe('loading')
    await act(async () => { answer('of 2') })
    expect(root.textContent).toBe('of 2')
  })
})
