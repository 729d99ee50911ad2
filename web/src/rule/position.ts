// Places in a query. The API counts lines and columns from 1, columns in characters (code points); an editor counts UTF-16
// units from 0. Only a line feed ends a line.

import type {Position} from '../api/types'

export interface Range {
  from: number
  to: number
}

/** The text as an editor holds it: carriage returns are gone or blank, so that lines and columns stay those of the API. */
export function shownText(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(/\r/g, ' ')
}

/** Knows where the lines of one text start. */
export class Places {
  private readonly starts: number[] = [0]

  constructor(readonly text: string) {
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.starts.push(i + 1)
  }

  /** The offset of a place; one beyond its line or the text is moved to the end of that. */
  offset({line, column}: Position): number {
    if (line < 1) return 0
    const start = this.starts[line - 1]
    if (start === undefined) return this.text.length
    const next = this.starts[line]
    const end = next === undefined ? this.text.length : next - 1
    let offset = start
    for (let i = 1; i < column && offset < end; i++) offset += this.text.codePointAt(offset)! > 0xffff ? 2 : 1
    return Math.min(offset, end)
  }

  position(offset: number): Position {
    const at = Math.max(0, Math.min(offset, this.text.length))
    let low = 0,
      high = this.starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.starts[middle]! <= at) low = middle
      else high = middle - 1
    }
    return {line: low + 1, column: [...this.text.slice(this.starts[low]!, at)].length + 1}
  }

  /** The range between two places; an empty or reversed one is widened to a character, so that it can be seen. */
  range(start: Position, end: Position): Range {
    let from = this.offset(start),
      to = this.offset(end)
    if (to <= from) {
      if (from >= this.text.length && from > 0) from--
      to = Math.min(from + 1, this.text.length)
    }
    return {from, to}
  }
}

/** A place in words, such as "line 3, columns 5 to 18". The end column is the first that is not meant. */
export function placeName(start: Position, end: Position): string {
  if (end.line > start.line) return `lines ${start.line} to ${end.line}`
  const last = end.column - 1
  if (last > start.column) return `line ${start.line}, columns ${start.column} to ${last}`
  return `line ${start.line}, column ${start.column}`
}
