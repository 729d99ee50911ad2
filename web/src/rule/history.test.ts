import {describe, expect, it} from 'vitest'
import type {RuleEvent} from '../api/types'
import {joined, stepText} from './history'

const event = (n: number): RuleEvent => ({n, at: '', by: 'ann', action: 'edited'})
const numbers = (list: RuleEvent[]) => list.map(e => e.n)
const run = (from: number, to: number) => Array.from({length: from - to + 1}, (_, i) => event(from - i))

describe('what happened to a rule', () => {
  it('is joined from pages: older ones behind, newer ones before', () => {
    expect(numbers(joined([], run(9, 5)))).toEqual([9, 8, 7, 6, 5])
    expect(numbers(joined(run(9, 5), run(4, 2)))).toEqual([9, 8, 7, 6, 5, 4, 3, 2])
    expect(numbers(joined(run(9, 2), run(11, 7)))).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
    expect(numbers(joined(run(9, 2), []))).toEqual([9, 8, 7, 6, 5, 4, 3, 2])
  })
  it('has no gap: what lies beyond one is asked for again', () => {
    expect(numbers(joined(run(9, 2), run(20, 15)))).toEqual([20, 19, 18, 17, 16, 15])
    expect(numbers(joined(run(20, 15), run(9, 2)))).toEqual([9, 8, 7, 6, 5, 4, 3, 2])
  })
  it('is said in words', () => {
    expect(stepText({...event(1), detail: 'query'})).toBe('changed the rule: query')
    expect(stepText({...event(1), action: 'seen_before'})).toBe('seen before')
  })
})
