import {describe, expect, it} from 'vitest'
import {type Page, Pages, pageSize} from './pages'

interface Row {
  id: string
  text: string
}

function server(total: number) {
  const calls: {offset: number; limit: number; facets: boolean; signal: AbortSignal}[] = []
  const waiting: (() => void)[] = []
  const state = {total, version: 1, fail: false, held: false}
  const fetchPage = async (offset: number, limit: number, facets: boolean, signal: AbortSignal): Promise<Page<Row>> => {
    calls.push({offset, limit, facets, signal})
    const {version, total: count, fail} = state
    if (state.held) await new Promise<void>(go => waiting.push(go))
    if (fail) throw new Error('gone')
    const rows: Row[] = []
    for (let i = offset; i < Math.min(offset + limit, count); i++) rows.push({id: `r${i}`, text: `v${version}`})
    return {total: count, offset, rows}
  }
  return {calls, state, fetchPage, go: () => waiting.splice(0).forEach(f => f())}
}

describe('pages', () => {
  it('asks once for what is looked at, and for nothing else', async () => {
    const s = server(10_000)
    const pages = new Pages<Row, Page<Row>>(s.fetchPage, () => {})
    await pages.ensure(0, 30)
    expect(pages.total).toBe(10_000)
    expect(pages.at(99)?.id).toBe('r99')
    expect(pages.at(100)).toBeUndefined()
    await pages.ensure(10, 60)
    await pages.ensure(9_950, 9_999)
    expect(s.calls.map(c => [c.offset, c.limit, c.facets])).toEqual([
      [0, pageSize, true],
      [9_900, pageSize, false],
    ])
    expect(pages.indexOf('r9999')).toBe(9_999)
    expect(pages.indexOf('r500')).toBe(-1)
  })
  it('does not ask twice while a page is on its way', async () => {
    const s = server(300)
    s.state.held = true
    const pages = new Pages<Row, Page<Row>>(s.fetchPage, () => {})
    const first = pages.ensure(0, 10),
      second = pages.ensure(5, 15)
    s.go()
    await Promise.all([first, second])
    expect(s.calls.length).toBe(1)
  })
  it('drops an answer that comes after a stop', async () => {
    const s = server(300)
    s.state.held = true
    const pages = new Pages<Row, Page<Row>>(s.fetchPage, () => {})
    const call = pages.ensure(0, 10)
    pages.stop()
    expect(s.calls[0]?.signal.aborted).toBe(true)
    s.go()
    await call
    expect(pages.ready).toBe(false)
    expect(pages.at(0)).toBeUndefined()
  })
  it('reads anew what is shown and forgets the rest', async () => {
    const s = server(1_000)
    const pages = new Pages<Row, Page<Row>>(s.fetchPage, () => {})
    await pages.ensure(0, 150)
    await pages.ensure(500, 520)
    s.state.version = 2
    s.state.total = 150
    await pages.refresh(0, 120)
    expect(pages.at(149)?.text).toBe('v2')
    expect(pages.at(510)).toBeUndefined()
    expect(pages.indexOf('r510')).toBe(-1)
    expect(pages.total).toBe(150)
    expect(s.calls.slice(3).map(c => [c.offset, c.facets])).toEqual([
      [0, true],
      [100, false],
    ])
  })
  it('says what failed, keeps what it has, and asks again', async () => {
    const s = server(1_000)
    let changes = 0
    const pages = new Pages<Row, Page<Row>>(s.fetchPage, () => changes++)
    await pages.ensure(0, 10)
    s.state.fail = true
    await pages.ensure(200, 210)
    expect(String(pages.error)).toContain('gone')
    expect(pages.at(0)?.id).toBe('r0')
    s.state.fail = false
    await pages.ensure(200, 210)
    expect(pages.error).toBeNull()
    expect(pages.at(200)?.id).toBe('r200')
    expect(changes).toBe(3)
  })
  it('asks for no page behind the end, and once only of an empty list', async () => {
    const s = server(0)
    const pages = new Pages<Row, Page<Row>>(s.fetchPage, () => {})
    await pages.ensure(0, 30)
    await pages.ensure(0, 30)
    expect(s.calls.length).toBe(1)
    expect(pages.ready).toBe(true)
  })
  it('replaces one row in its place', async () => {
    const s = server(10)
    const pages = new Pages<Row, Page<Row>>(s.fetchPage, () => {})
    await pages.ensure(0, 9)
    pages.replace('r3', row => ({...row, text: 'new'}))
    pages.replace('none', row => ({...row, text: 'new'}))
    expect(pages.at(3)).toEqual({id: 'r3', text: 'new'})
    expect(pages.at(4)?.text).toBe('v1')
  })
})
