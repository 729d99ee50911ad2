import {describe, expect, it} from 'vitest'
import type {ExportCounts} from '../api/types'
import {countWords, leftOutWords, taken, usualTake} from './take'

const counts: ExportCounts = {all: 157, partial: 142, accepted: 10, accepted_partial: 2, left_out: {untranslatable: 33, error: 1, rejected: 1}}

describe('what an export takes', () => {
  it('is said with what it leaves out', () => {
    expect(countWords(counts)).toBe('157 with a query, of which 10 accepted; 34 have no query, 1 rejected')
    expect(countWords({all: 3, partial: 0, accepted: 0, accepted_partial: 0, left_out: {}})).toBe('3 with a query, of which 0 accepted')
    expect(countWords({all: 1, partial: 0, accepted: 0, accepted_partial: 0, left_out: {no_query: 1, refused_query: 2}})).toBe('1 with a query, of which 0 accepted; 1 has no query, 2 with a query that is no ES|QL')
  })
  it('is what was accepted where something was', () => {
    expect(usualTake(counts)).toBe('accepted')
    expect(usualTake({...counts, accepted: 0})).toBe('all')
    expect(taken(counts, 'accepted')).toEqual({rules: 10, partial: 2, leftOut: {untranslatable: 33, error: 1, rejected: 1, not_accepted: 147}})
    expect(taken(counts, 'all')).toEqual({rules: 157, partial: 142, leftOut: counts.left_out})
  })
  it('names reasons that it does not know', () => {
    expect(leftOutWords({rejected: 1, brand_new: 2, not_accepted: 147, error: 0})).toMatch(/147 not accepted, 1 rejected/)
    expect(leftOutWords({brand_new: 2})).toBe('2 brand new')
    expect(leftOutWords(undefined)).toBe('')
  })
})
