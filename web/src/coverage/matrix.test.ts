import {describe, expect, it} from 'vitest'
import type {Report} from '../api/types'
import {best, covers, matrix} from './matrix'

const mitre: Report['mitre'] = {
  tactics: [{id: 'TA0002', name: 'Execution', rules: 3, by: {full: 1, untranslatable: 2}}, {id: 'TA0003', name: 'Persistence', rules: 1, by: {untranslatable: 1}}],
  techniques: [
    {id: 'T1059.001', name: 'PowerShell', rules: 2, by: {full: 1, untranslatable: 1}, tactics: ['TA0002']},
    {id: 'T1053', name: 'Scheduled Task', rules: 1, by: {untranslatable: 1}, tactics: ['TA0002', 'TA0003']},
  ],
  techniques_before: 2, techniques_after: 1, unknown: [],
}

describe('the matrix', () => {
  it('has a technique in every column of its tactics, with the rules before and after', () => {
    expect(matrix(mitre).map(c => [c.tactic.id, c.cells.map(x => [x.id, x.before, x.after, x.sub])])).toEqual([
      ['TA0002', [['T1053', 1, 0, false], ['T1059.001', 2, 1, true]]],
      ['TA0003', [['T1053', 1, 0, false]]],
    ])
  })

  it('counts as covered what leaves something to install', () => {
    expect(covers({full: 1, matched: 2, approximations: 3, partial: 4, untranslatable: 50, error: 6, waiting: 7})).toBe(10)
    expect(best({partial: 1, approximations: 1})).toBe('approximations')
    expect(best({error: 2, waiting: 1})).toBeUndefined()
  })
})
