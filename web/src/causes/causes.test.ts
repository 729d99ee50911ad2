import {describe, expect, it} from 'vitest'
import type {CauseKind} from '../api/types'
import {sort, subject, subjects} from './causes'
import {parseCSV} from './csv'
import {again} from './give'
import {atFirst, firstKinds} from './list'
import {arity, causeName, itemCount, settledBy, unnamed} from './words'

const kind = (k: Partial<CauseKind>): CauseKind => ({code: 'unknown_field', title: 'Field without a counterpart', remedy: 'map', do: 'Name it.', holes: 1, approximations: 0, rules: 1, sole: 0, items: [], ...k})

describe('causes', () => {
  it('say what they are, and how many of which things they hold', () => {
    expect([sort(kind({})), sort(kind({holes: 0, approximations: 2})), sort(kind({approximations: 1}))]).toEqual(['hole', 'approximation', 'both'])
    expect(itemCount('unknown_field', [{subject: 'x'}, {subject: 'y'}])).toBe('2 fields')
    expect(itemCount('unknown_field', [{subject: 'x'}])).toBe('1 field')
    expect(itemCount('text_search', [{}])).toBe('')
    expect(unnamed('source_approximate')).toBe('The search names no source')
  })

  it('are few at first, and those that a file settles are among them', () => {
    const many = Array.from({length: 20}, (_, i) => kind({code: `c${i}`, remedy: i === 15 ? 'define' : 'map'}))
    expect(atFirst(many).map(k => k.code)).toEqual([...Array.from({length: firstKinds}, (_, i) => `c${i}`), 'c15'])
  })

  it('show macros without the marks around them', () => {
    expect(subject('`who`')).toEqual({text: 'who', macro: true})
    expect(subject('a`b')).toEqual({text: 'a`b', macro: false})
    const item = (subject?: string) => ({key: '1', severity: 'error' as const, rules: 1, sole: 1, example: '', ...(subject ? {subject} : {})})
    expect(subjects([kind({items: [item('`who`'), item('x'), item()]})])).toEqual(new Set(['who', 'x', '']))
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
