// Which part of the SPL became which part of the ES|QL.

import type {Position, Stage} from '../api/types'
import {splToken, startState} from '../ui/tokenize'
import {Places, type Range} from './position'

export interface StageRange extends Range {
  /** The place of the stage in the list. */
  stage: number
}

export type Side = 'spl' | 'esql'

/** The ranges of stages in the text that is shown; parts that are not there as they were are left out. */
export function stageRanges(stages: readonly Stage[], side: Side, text: string): StageRange[] {
  const places = new Places(text)
  return stages
    .flatMap((stage, i) => {
      const pieces = side === 'spl' ? [stage.spl] : stage.esql
      return pieces.flatMap(piece => {
        const range = places.range(piece.start, piece.end)
        return range.to > range.from && same(text.slice(range.from, range.to), piece.text) ? [{...range, stage: i}] : []
      })
    })
    .sort((a, b) => a.from - b.from || a.to - b.to)
}

/** Whether the stages belong to a text: every part of them stands in it, at its place. */
export function belong(stages: readonly Stage[], side: Side, text: string): boolean {
  const parts = stages.reduce((n, s) => n + (side === 'spl' ? 1 : s.esql.length), 0)
  return parts > 0 && stageRanges(stages, side, text).length === parts
}

const same = (a: string, b: string) => a === b || a.replace(/\s+/g, ' ').trim() === b.replace(/\s+/g, ' ').trim()

/** The stage at an offset, the smallest where several lie one in another; null between them. */
export function stageAt(ranges: readonly StageRange[], offset: number): number | null {
  let best: StageRange | undefined
  for (const r of ranges) {
    if (r.from <= offset && offset <= r.to && (!best || r.to - r.from <= best.to - best.from)) best = r
  }
  return best ? best.stage : null
}

/** Where a text on few lines is shown on a new line: before the pipe of each stage that does not begin a line. */
export function stageBreaks(ranges: readonly StageRange[], text: string): number[] {
  const breaks: number[] = []
  for (const {from} of ranges) {
    const pipe = /\|\s*$/.exec(text.slice(0, from))
    const at = pipe ? pipe.index : from
    const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at)
    if (at > 0 && line.trim() !== '' && pipe) breaks.push(at)
  }
  return [...new Set(breaks)].sort((a, b) => a - b)
}

/** The stage that a place in the SPL belongs to. */
export function stageOfPlace(stages: readonly Stage[], at: Position): number | null {
  const i = stages.findIndex(s => !before(at, s.spl.start) && before(at, s.spl.end))
  return i < 0 ? null : i
}

const before = (a: Position, b: Position) => a.line < b.line || (a.line === b.line && a.column < b.column)

/** The pipes of an SPL search outside of brackets that do not begin a line: where it is broken when its stages are not known. */
export function pipeBreaks(text: string): number[] {
  const breaks: number[] = []
  const state = startState()
  let start = 0,
    depth = 0
  for (const line of text.split('\n')) {
    const stream = {string: line, pos: 0, eol: () => stream.pos >= line.length}
    while (!stream.eol()) {
      const from = stream.pos
      if (splToken(stream, state) !== 'punctuation') continue
      const c = line[from]
      if (c === '[') depth++
      else if (c === ']') depth--
      else if (c === '|' && depth === 0 && line.slice(0, from).trim() !== '') breaks.push(start + from)
    }
    start += line.length + 1
  }
  return breaks
}
