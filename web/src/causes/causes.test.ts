import {describe, expect, it} from 'vitest'
import type {Cause} from '../api/types'
import {bestFirst, withKeys} from './causes'
import {parseCSV} from './csv'
import {again} from './give'
import {arity, causeName, settledBy} from './words'

const cause = (c: Partial<Cause>): Cause => ({code: 'unknown_macro', severity: 'error', rules: 1, sole: 0, example: '', ...c})

describe('causes', () => {
  it('stand best first: what holds most back alone, then what touches most, holes before approximations', () => {
    const list = [cause({subject: 'c', rules: 9}), cause({subject: 'a', sole: 3, rules: 3}), cause({subject: 'd', severity: 'approximation', rules: 2}), cause({subject: 'e', rules: 2}), cause({subject: 'b', sole: 3, rules: 4})]
    expect(bestFirst(list).map(c => c.subject)).toEqual(['b', 'a', 'c', 'e', 'd'])
  })

  it('get the keys of the facets, by what they are', () => {
    const facet = {key: 'k1', code: 'unknown_macro', severity: 'error' as const, subject: 'x', example: '', rules: 1, sole: 1}
    expect(withKeys([cause({subject: 'x'}), cause({subject: 'y'})], [facet]).map(c => c.key)).toEqual(['k1', undefined])
  })

  it('can be settled here when a definition is all that is missing', () => {
    expect(settledBy('unknown_macro', 'm')).toBe('macro')
    expect(settledBy('lookup_missing', 'l')).toBe('lookup')
    expect(settledBy('unknown_macro', undefined)).toBeUndefined()
    expect(settledBy('unsupported_command', 'x')).toBeUndefined()
    expect([arity('m'), arity('m(3)'), arity('m(x)')]).toEqual([0, 3, 0])
    expect(causeName('some_new_code')).toBe('Some new code')
  })

  it('lead to the rules that are done again: those that are named, or all that are not full', () => {
    expect(again({total: 0, rule_ids: []})).toBeUndefined()
    expect(again({total: 2, rule_ids: ['a', 'b']})).toEqual({ids: ['a', 'b']})
    expect(again({total: 1200, rule_ids: ['a']})).toEqual({not_fully_translated: true})
  })
})

describe('CSV of a lookup', () => {
  it('is read with quotation marks, line ends of all kinds, and values that are missing at the end', () => {
    expect(parseCSV('\uFEFFhost,note\r\nweb-1,"a ""b"", c"\r\ndb,"two\nlines"\n\nlast')).toEqual({
      columns: ['host', 'note'], rows: [{host: 'web-1', note: 'a "b", c'}, {host: 'db', note: 'two\nlines'}, {host: 'last', note: ''}],
    })
    expect(parseCSV('a\n""\nb')).toEqual({columns: ['a'], rows: [{a: 'b'}]})
  })

  it('that is broken says where', () => {
    expect(() => parseCSV('')).toThrow('empty')
    expect(() => parseCSV('a,b\n1,2\n"x,3')).toThrow('line 3')
    expect(() => parseCSV('a,a\n')).toThrow('twice')
    expect(() => parseCSV('a,\n1,2')).toThrow('no name')
    expect(() => parseCSV('a\n"x\ny"\n1,2')).toThrow('Line 4')
  })
})
