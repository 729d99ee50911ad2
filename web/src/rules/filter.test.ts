import {describe, expect, it} from 'vitest'
import {activeFilters, clearFilter, firstOrder, idsQuery, noFilter, readFilter, rowsQuery, searchWords, sortBy, toggleFilter, writeFilter} from './filter'

describe('filter in the address', () => {
  it('reads what it writes, with texts of any kind', () => {
    for (const filter of [
      noFilter,
      {...noFilter, q: 'a & b=c?#%', result: 'partial'},
      {...noFilter, cause: 'unknown_macro|x y|"ä"', source: 'logs-*', tactic: 'TA0001', technique: 'T1059.001'},
      {...noFilter, sort: 'holes' as const, order: 'asc' as const, review: 'open', edited: 'me', app: 'Ünï'},
      {...noFilter, sort: 'updated_at' as const, order: 'desc' as const, matched: 'near', holes: 'yes', status: 'error'},
    ]) {
      expect(readFilter(writeFilter(filter))).toEqual(filter)
      expect(readFilter('?' + writeFilter(filter))).toEqual(filter)
    }
  })
  it('leaves out what is as at first', () => {
    expect(writeFilter(noFilter)).toBe('')
    expect(writeFilter({...noFilter, q: '  '})).toBe('')
    expect(writeFilter({...noFilter, sort: 'holes', order: 'desc'})).toBe('sort=holes')
  })
  it('drops values that the filter does not have, and keeps the rest', () => {
    expect(readFilter('result=best&status=error&sort=colour&order=up')).toEqual({...noFilter, status: 'error'})
  })
  it('asks for one page, with facets only when told', () => {
    expect(rowsQuery({...noFilter, q: ' x ', holes: 'yes'}, 200, 100, false)).toBe('q=x&holes=yes&sort=title&order=asc&offset=200&limit=100')
    expect(rowsQuery(noFilter, 0, 100, true)).toBe('sort=title&order=asc&offset=0&limit=100&facets=true')
    expect(idsQuery({...noFilter, app: 'a b'})).toBe('app=a+b&sort=title&order=asc')
  })
})

describe('changes of a filter', () => {
  it('sorts worst first where that helps, and turns round on the second time', () => {
    expect(firstOrder('holes')).toBe('desc')
    expect(firstOrder('title')).toBe('asc')
    const once = sortBy(noFilter, 'holes')
    expect(once).toEqual({...noFilter, sort: 'holes', order: 'desc'})
    expect(sortBy(once, 'holes').order).toBe('asc')
    expect(sortBy(once, 'id')).toEqual({...noFilter, sort: 'id', order: 'asc'})
  })
  it('takes a value away that is there', () => {
    const on = toggleFilter(noFilter, 'result', 'full')
    expect(on.result).toBe('full')
    expect(toggleFilter(on, 'result', 'partial').result).toBe('partial')
    expect(toggleFilter(on, 'result', 'full').result).toBe('')
  })
  it('names what is on and clears all but the order', () => {
    const filter = {...noFilter, q: ' ab ', review: 'open', sort: 'holes' as const, order: 'desc' as const}
    expect(activeFilters(filter)).toEqual([
      {key: 'q', value: 'ab'},
      {key: 'review', value: 'open'},
    ])
    expect(activeFilters(clearFilter(filter))).toEqual([])
    expect(clearFilter(filter).sort).toBe('holes')
  })
  it('cuts a search into words', () => {
    expect(searchWords('  Power SHELL\tx ')).toEqual(['power', 'shell', 'x'])
    expect(searchWords(' ')).toEqual([])
  })
})
