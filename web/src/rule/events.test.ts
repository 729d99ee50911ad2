import {describe, expect, it} from 'vitest'
import {readEvents} from './events'

describe('events that a person gave', () => {
  it('reads objects, one a line, alone, or in an array', () => {
    expect(readEvents('{"a":1}\n\n{"a":2}\r\n').list).toEqual([{a: 1}, {a: 2}])
    expect(readEvents('{\n "a": 1\n}').list).toEqual([{a: 1}])
    expect(readEvents('[{"a":1},{"b":[2]}]')).toEqual({list: [{a: 1}, {b: [2]}], kind: 'json'})
  })
  it('reads lines of raw text, also such that begin with a bracket', () => {
    expect(readEvents('<13> one\n\ntwo')).toEqual({list: ['<13> one', 'two'], kind: 'text'})
    expect(readEvents('[31/Jan/2026] GET /').list).toEqual(['[31/Jan/2026] GET /'])
    expect(readEvents('  ').list).toEqual([])
  })
  it('bounds how many there are', () => {
    expect(readEvents('x\n'.repeat(1_000)).list.length).toBe(1_000)
    expect(readEvents('x\n'.repeat(1_001))).toMatchObject({list: [], fault: expect.stringContaining('1001 events')})
  })
  it('says which line is wrong', () => {
    expect(readEvents('{"a":1}\n{"a":').fault).toContain('Line 2')
    expect(readEvents('[{"a":1}, 3]').fault).toContain('Element 2')
    expect(readEvents('[{"a":1}').fault).toContain('does not end')
  })
})
