import {describe, expect, it} from 'vitest'
import type {Stage} from '../api/types'
import {Places} from './position'
import {belong, stageAt, pipeBreaks, stageBreaks, stageOfPlace, stageRanges} from './stages'

const spl = 'index=ä x=1 | where y="😀" | stats count by z'
const esql = 'FROM logs-*\n| WHERE x == "1"\n| WHERE y == "😀"\n| STATS count = COUNT(*) BY z'

function piece(text: string, part: string) {
  const places = new Places(text),
    from = text.indexOf(part)
  if (from < 0) throw new Error(part)
  return {start: places.position(from), end: places.position(from + part.length), text: part}
}

const stages: Stage[] = [
  {command: 'search', spl: piece(spl, 'index=ä x=1'), esql: [piece(esql, 'FROM logs-*'), piece(esql, '| WHERE x == "1"')], notes: [0]},
  {command: 'where', spl: piece(spl, 'where y="😀"'), esql: [piece(esql, '| WHERE y == "😀"')], notes: []},
  {command: 'stats', spl: piece(spl, 'stats count by z'), esql: [piece(esql, '| STATS count = COUNT(*) BY z')], notes: []},
]

describe('stages', () => {
  it('finds the parts of both texts', () => {
    expect(stageRanges(stages, 'spl', spl).map(r => spl.slice(r.from, r.to))).toEqual(['index=ä x=1', 'where y="😀"', 'stats count by z'])
    expect(stageRanges(stages, 'esql', esql).map(r => r.stage)).toEqual([0, 0, 1, 2])
    expect(belong(stages, 'spl', spl)).toBe(true)
    expect(belong(stages, 'esql', esql)).toBe(true)
  })
  it('lights nothing that is no longer there', () => {
    const edited = esql.replace('x == "1"', 'x == "2"')
    expect(belong(stages, 'esql', edited)).toBe(false)
    expect(stageRanges(stages, 'esql', edited).map(r => r.stage)).toEqual([0, 1, 2])
    expect(belong(stages, 'esql', '')).toBe(false)
    expect(belong([], 'esql', esql)).toBe(false)
  })
  it('knows the stage of an offset', () => {
    const ranges = stageRanges(stages, 'spl', spl)
    expect(stageAt(ranges, 0)).toBe(0)
    expect(stageAt(ranges, spl.indexOf('where') + 2)).toBe(1)
    expect(stageAt(ranges, spl.length)).toBe(2)
    expect(stageAt(ranges, spl.indexOf('|'))).toBeNull()
    expect(
      stageAt(
        [
          {from: 0, to: 10, stage: 0},
          {from: 3, to: 5, stage: 1},
        ],
        4,
      ),
    ).toBe(1)
  })
  it('breaks one line before each pipe, and leaves lines alone', () => {
    expect(stageBreaks(stageRanges(stages, 'spl', spl), spl)).toEqual([spl.indexOf('| where'), spl.indexOf('| stats')])
    expect(stageBreaks(stageRanges(stages, 'esql', esql), esql)).toEqual([])
  })
  it('breaks at pipes where stages are not known, but not in brackets, texts and comments', () => {
    const text = 'a | b "x | y" [ search c | fields d ] ```e | f``` | g\n| h | i'
    expect(pipeBreaks(text).map(at => text.slice(at, at + 3))).toEqual(['| b', '| g', '| i'])
    expect(pipeBreaks('| tstats count')).toEqual([])
  })
  it('knows the stage of a note', () => {
    const at = piece(spl, 'count by').start
    expect(stageOfPlace(stages, at)).toBe(2)
    expect(stageOfPlace(stages, {line: 9, column: 1})).toBeNull()
  })
})
