import {afterEach, describe, expect, it, vi} from 'vitest'
import {ask, body, clampSize, used, type Settings, type Turn} from './chat'

const settings: Settings = {connector: 'deterministic', alerts: true, knowledge: false, size: 30, indices: '.alerts-*'}

function stream(text: string): Response {
  return new Response(text, {headers: {'Content-Type': 'text/event-stream'}})
}

afterEach(() => vi.unstubAllGlobals())

describe('a question', () => {
  const turns: Turn[] = [{role: 'user', content: 'a'}, {role: 'assistant', content: 'b'}, {role: 'assistant', content: '', failed: 'no'}, {role: 'user', content: 'c'}]

  it('has the earlier turns and replacements, and none of what failed', () => {
    expect(body(turns, settings, {t: 'v'})).toMatchObject({
      params: {subActionParams: {messages: [{role: 'user', content: 'a'}, {role: 'assistant', content: 'b'}, {role: 'user', content: 'c'}]}},
      isEnabledRAGAlerts: true, size: 30, alertsIndexPattern: '.alerts-*', replacements: {t: 'v'},
    })
  })

  it('of a saved conversation is the question alone: the gateway has the rest', () => {
    const b = body(turns, settings, {t: 'v'}, 'c1')
    expect(b).toMatchObject({params: {subActionParams: {messages: [{role: 'user', content: 'c'}]}}, conversationId: 'c1'})
    expect(b).not.toHaveProperty('replacements')
  })

  it('without alerts names neither a size nor an index', () => {
    const b = body(turns, {...settings, alerts: false}, {})
    expect(b).toMatchObject({isEnabledRAGAlerts: false})
    expect(b).not.toHaveProperty('size')
  })

  it('has a size of 10 to 100', () => {
    expect([clampSize(3), clampSize(55.4), clampSize(1000), clampSize(NaN)]).toEqual([10, 55, 100, 20])
  })
})

describe('an answer', () => {
  it('comes in pieces and ends with the whole', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => stream(': wait\n\nevent: content\ndata: {"payload":"two "}\n\nevent: content\ndata: {"payload":"alerts"}\n\nevent: done\ndata: {"status":"ok","connector_id":"x","data":"two alerts","replacements":{"h-1":"web"}}\n\n')))
    const pieces: string[] = []
    const done = await ask('a b', {}, p => pieces.push(p), new AbortController().signal)
    expect(pieces).toEqual(['two ', 'alerts'])
    expect(done.replacements).toEqual({'h-1': 'web'})
    const [address, init] = vi.mocked(fetch).mock.calls[0] ?? []
    expect(address).toBe('/internal/elastic_assistant/actions/connector/a%20b/_execute')
    expect(init?.headers).toMatchObject({Accept: 'text/event-stream', 'kbn-xsrf': 'rulebridge'})
  })

  it('that ends with an error, or without an end, is an error', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => stream('event: error\ndata: {"statusCode":502,"message":"the model gave no answer"}\n\n')))
    await expect(ask('x', {}, () => {}, new AbortController().signal)).rejects.toMatchObject({status: 502, message: 'the model gave no answer'})
    vi.stubGlobal('fetch', vi.fn(async () => stream('event: content\ndata: {"payload":"two"}\n\n')))
    await expect(ask('x', {}, () => {}, new AbortController().signal)).rejects.toThrow('broke off')
  })

  it('says which tools it was made with', () => {
    expect(used({offered: [], left_out: [], as_of: '', steps: [{name: 'model'}, {name: 'open-alerts', args: '{}', alerts: 4}]})).toEqual([{tool: 'open-alerts', args: '{}', alerts: 4}])
  })
})
