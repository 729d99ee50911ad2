import {describe, expect, it} from 'vitest'
import {esqlToken, type Kind, splToken, startState, type State, type Stream} from './tokenize'

class Line implements Stream {
  pos = 0
  constructor(readonly string: string) {}
  eol() {
    return this.pos >= this.string.length
  }
}

function tokens(text: string, token: (stream: Stream, state: State) => Kind | null): [string, Kind][] {
  const state = startState(),
    list: [string, Kind][] = []
  for (const line of text.split('\n')) {
    const stream = new Line(line)
    while (!stream.eol()) {
      const from = stream.pos
      const kind = token(stream, state)
      if (stream.pos <= from) throw new Error(`no progress at ${from} of ${line}`)
      if (kind) list.push([line.slice(from, stream.pos), kind])
    }
  }
  return list
}
const spl = (text: string) => tokens(text, splToken)
const esql = (text: string) => tokens(text, esqlToken)
const of = (list: [string, Kind][], kind: Kind) => list.filter(([, k]) => k === kind).map(([text]) => text)

describe('SPL', () => {
  it('tells commands, fields, functions, macros, strings, numbers', () => {
    const list = spl(
      '| tstats count from datamodel=Endpoint.Processes where Processes.process="*a | b*" by dest\n| `drop(x)` | eval n=round(x/2, 1) | where n>=10 | head 5',
    )
    expect(of(list, 'command')).toEqual(['tstats', 'eval', 'where', 'head'])
    expect(of(list, 'string')).toEqual(['"*a | b*"'])
    expect(of(list, 'macro')).toEqual(['`drop(x)`'])
    expect(of(list, 'function')).toEqual(['round'])
    expect(of(list, 'number')).toEqual(['1', '10', '5'])
    expect(of(list, 'field')).toEqual(['datamodel', 'Processes.process', 'n'])
    expect(of(list, 'keyword')).toEqual(['from', 'where', 'by'])
  })
  it('knows a command in brackets, and no command in a search', () => {
    expect(of(spl('stats=1 index=x [ search user=a | fields user ] | join type=left k [inputlookup a.csv]'), 'command')).toEqual([
      'search',
      'fields',
      'join',
      'inputlookup',
    ])
  })
  it('keeps comments and strings over lines', () => {
    const list = spl('index=a ```one\n| stats``` | rex "a\\"\nb" | table x')
    expect(of(list, 'comment')).toEqual(['```one', '| stats```'])
    expect(of(list, 'command')).toEqual(['rex', 'table'])
    expect(of(list, 'string')).toEqual(['"a\\"', 'b"'])
  })
  it('comes to an end whatever the text is', () => {
    for (const text of ['"', '`', '```', '!', '|||', 'a\\', '\u0000', '😀`😀', '[[[', '"\\', '=!<>', '- -1d@d +x']) expect(() => spl(text)).not.toThrow()
  })
})

describe('ES|QL', () => {
  it('tells commands, functions, keywords, names', () => {
    const list = esql(
      'FROM logs-system.security-*, logs-a METADATA _id\n| WHERE TO_LOWER(user.name) LIKE "*x|y*" AND event.code IN ("1", "2") AND `by` IS NOT NULL\n| STATS n = COUNT(*), count = MAX(x) BY host.name\n| LOOKUP JOIN users ON user.name\n| LIMIT 10',
    )
    expect(of(list, 'command')).toEqual(['FROM', 'WHERE', 'STATS', 'LOOKUP', 'JOIN', 'LIMIT'])
    expect(of(list, 'function')).toEqual(['TO_LOWER', 'COUNT', 'MAX'])
    expect(of(list, 'keyword')).toEqual(['METADATA', 'LIKE', 'AND', 'IN', 'AND', 'IS', 'NOT', 'NULL', 'BY', 'ON'])
    expect(of(list, 'field')).toEqual(['logs-system.security-*', 'logs-a', '`by`', 'users'])
    expect(of(list, 'string')).toEqual(['"*x|y*"', '"1"', '"2"'])
    expect(of(list, 'number')).toEqual(['10'])
  })
  it('reads strings with quotes in them, comments, numbers', () => {
    const list = esql('ROW a = """say "hi" """, b = "c\\"d" // | WHERE\n/* one\n| LIMIT */ | EVAL c = 1.5e3 + .5')
    expect(of(list, 'string')).toEqual(['"""say "hi" """', '"c\\"d"'])
    expect(of(list, 'command')).toEqual(['ROW', 'EVAL'])
    expect(of(list, 'comment')).toEqual(['// | WHERE', '/* one', '| LIMIT */'])
    expect(of(list, 'number')).toEqual(['1.5e3', '.5'])
  })
  it('does not take a part of a name for a word of the language', () => {
    const list = esql('FROM a\n| WHERE x.not == 1 AND in.count > 2 AND by.where.stats == 3')
    expect(of(list, 'keyword')).toEqual(['AND', 'AND'])
    expect(of(list, 'command')).toEqual(['FROM', 'WHERE'])
  })
  it('knows the commands of FORK and INLINE STATS', () => {
    expect(of(esql('FROM a | FORK ( WHERE x == 1 ) ( STATS n = COUNT() ) | INLINE STATS m = MAX(n)'), 'command')).toEqual([
      'FROM',
      'FORK',
      'WHERE',
      'STATS',
      'INLINE',
      'STATS',
    ])
  })
  it('comes to an end whatever the text is', () => {
    for (const text of ['"', '"""', '`', '/*', '|||', 'a\\', '\u0000', '😀', '@', '?x']) expect(() => esql(text)).not.toThrow()
  })
})
