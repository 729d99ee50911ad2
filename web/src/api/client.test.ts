import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import {api, apiKey, ApiError, reachable, request, url} from './client'

function answers(res: () => Response | Promise<Response>) {
  const f = vi.fn(async (_: string, _init?: RequestInit) => res())
  vi.stubGlobal('fetch', f)
  return f
}

const json = (status: number, body: unknown) => () => new Response(JSON.stringify(body), {status, headers: {'Content-Type': 'application/json'}})

beforeEach(() => {
  document.head.innerHTML = ''
  apiKey.value = ''
  reachable.value = true
})
afterEach(() => vi.unstubAllGlobals())

describe('a call', () => {
  it('has kbn-xsrf on writes alone, and the key that was given', async () => {
    const f = answers(json(200, {}))
    await api.get('/x')
    expect(f.mock.calls[0]?.[1]?.headers).toEqual({})
    apiKey.value = 'k1'
    await api.put('/x', {a: 1})
    expect(f.mock.calls[1]?.[1]).toMatchObject({method: 'PUT', body: '{"a":1}', headers: {'kbn-xsrf': 'rulebridge', Authorization: 'ApiKey k1', 'Content-Type': 'application/json'}})
  })

  it('leaves the type of a form to the browser, which knows its boundary', async () => {
    const f = answers(json(200, {}))
    await api.post('/x', new FormData())
    expect(f.mock.calls[0]?.[1]?.headers).not.toHaveProperty('Content-Type')
  })

  it('goes beneath the base path, with its query', () => {
    document.head.innerHTML = '<meta name="rulebridge-base" content="/soc/bridge">'
    expect(url('/a', {q: 'x y&z', n: 0, off: undefined, empty: '', no: false})).toBe('/soc/bridge/a?q=x+y%26z&n=0&no=false')
    document.head.innerHTML = '<meta name="rulebridge-base" content="">'
    expect(url('/a')).toBe('/a')
  })

  it('is made once, also when it fails', async () => {
    const f = answers(json(503, {statusCode: 503, error: 'Service Unavailable', message: 'the store is not available'}))
    await expect(api.post('/x', {})).rejects.toThrow()
    expect(f).toHaveBeenCalledTimes(1)
  })
})

describe('an error', () => {
  it('says what the gateway said, and who was faster', async () => {
    answers(json(409, {statusCode: 409, error: 'Conflict', message: 'the rule was changed', by: 'ana', at: '2026-12-01T10:00:00Z', revision: 7}))
    const err = await api.put('/x').catch((e: unknown) => e)
    expect(err).toBeInstanceOf(ApiError)
    expect(err).toMatchObject({status: 409, message: 'the rule was changed', conflict: {by: 'ana', revision: 7}, away: false})
  })

  it('of the network, or of a proxy alone, means that the gateway is away', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => { throw new TypeError('failed to fetch') }))
    expect(await api.get('/x').catch((e: unknown) => e)).toMatchObject({status: 0, away: true})
    expect(reachable.value).toBe(false)
    answers(json(200, {}))
    await api.get('/x')
    expect(reachable.value).toBe(true)
    answers(() => new Response('<html>Bad Gateway</html>', {status: 502}))
    expect(await api.get('/x').catch((e: unknown) => e)).toMatchObject({status: 502, away: true})
    expect(reachable.value).toBe(false)
  })

  it('of the gateway itself does not mean that it is away', async () => {
    answers(json(503, {statusCode: 503, error: 'x', message: 'the store is not available'}))
    expect(await api.get('/x').catch((e: unknown) => e)).toMatchObject({status: 503, away: false, message: 'the store is not available'})
    expect(reachable.value).toBe(true)
  })

  it('is what an unknown migration is', async () => {
    answers(() => new Response(null, {status: 204}))
    await expect(api.get('/x')).rejects.toMatchObject({status: 404})
  })

  it('is none when the caller no longer wants the answer', async () => {
    const abort = new AbortController()
    vi.stubGlobal('fetch', vi.fn(async () => { throw new DOMException('aborted', 'AbortError') }))
    abort.abort()
    await expect(request('GET', '/x', undefined, {signal: abort.signal})).rejects.toMatchObject({name: 'AbortError'})
    expect(reachable.value).toBe(true)
  })
})
