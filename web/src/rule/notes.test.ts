import {describe, expect, it} from 'vitest'
import type {Diagnostic, Severity} from '../api/types'
import {countNotes, orderNotes, severityName, splitMessage} from './notes'

const note = (severity: string, code: string, line = 1, column = 1): Diagnostic => ({
  severity: severity as Severity,
  code,
  message: code,
  start: {line, column},
  end: {line, column: column + 1},
})

describe('order of notes', () => {
  it('puts the worst first, then by place', () => {
    const list = orderNotes([note('info', 'i'), note('error', 'late', 3), note('approximation', 'a'), note('error', 'early', 1, 9)])
    expect(list.map(n => n.code)).toEqual(['early', 'late', 'a', 'i'])
    expect(list.map(n => n.index)).toEqual([3, 1, 2, 0])
  })
  it('puts consequences behind their causes and does not count them', () => {
    const list = orderNotes([note('error', 'depends_on_hole'), note('error', 'no_draft'), note('error', 'unknown_command', 9)])
    expect(list.map(n => [n.code, n.follows])).toEqual([
      ['unknown_command', false],
      ['depends_on_hole', true],
      ['no_draft', true],
    ])
    expect(countNotes(list)).toEqual({error: 1, approximation: 0, info: 0})
  })
  it('keeps a consequence as the cause where there is nothing else', () => {
    const list = orderNotes([note('error', 'no_draft'), note('approximation', 'a')])
    expect(list[0]?.follows).toBe(false)
    expect(countNotes(list).error).toBe(1)
  })
  it('reads an unknown severity as the worst', () => {
    expect(orderNotes([note('info', 'i'), note('fatal', 'f')])[0]?.severity).toBe('error')
  })
  it('names severities', () => {
    expect([severityName('error', 1), severityName('error', 2), severityName('info', 0)]).toEqual(['hole', 'holes', 'notes'])
  })
})

describe('messages', () => {
  it('parts what is wrong from what to do', () => {
    expect(splitMessage('the lookup `a; b` is not defined; add it to the migration, or to the lookups')).toEqual({
      what: 'The lookup `a; b` is not defined',
      then: 'Add it to the migration, or to the lookups',
    })
    expect(splitMessage('foo is not a Splunk command: check its spelling')).toEqual({what: 'Foo is not a Splunk command', then: 'Check its spelling'})
    expect(splitMessage('`x` differs (see y; z). Set it')).toEqual({what: '`x` differs (see y; z)', then: 'Set it'})
    expect(splitMessage('runs over logs-system.security-* and more')).toEqual({what: 'Runs over logs-system.security-* and more', then: ''})
  })
})
