// Highlighting of SPL and ES|QL: tokenizers without a grammar, so that unfinished and unusual texts are shown as well as
// they can be. A tokenizer gives one of these kinds, or null for plain text.

import {splCommands, splKeywords, esqlCommands, esqlFunctions, esqlKeywords} from './words'

export type Kind = 'command' | 'keyword' | 'function' | 'string' | 'number' | 'comment' | 'operator' | 'macro' | 'field' | 'punctuation'

/** What the tokenizers need of CodeMirror's StringStream. */
export interface Stream {
  readonly string: string
  pos: number
  eol(): boolean
}

export interface State {
  /** The next word is the name of a command. */
  command: boolean
  /** What a line ended within. */
  within: '' | 'comment' | 'string'
  /** Where the words of ES|QL have a meaning of their own: names of indices and policies, and the branches of FORK. */
  clause: '' | 'names' | 'fork'
}

export const startState = (): State => ({command: true, within: '', clause: ''})

function match(stream: Stream, pattern: RegExp): string | null {
  pattern.lastIndex = stream.pos
  const found = pattern.exec(stream.string)
  if (!found || found[0] === '') return null
  stream.pos += found[0].length
  return found[0]
}

function upTo(stream: Stream, end: string): boolean {
  const at = stream.string.indexOf(end, stream.pos)
  stream.pos = at < 0 ? stream.string.length : at + end.length
  return at >= 0
}

const blank = /\s+/y,
  splNumber = /-?\d+(\.\d+)?(?![\w.*:-])/y,
  splTime = /[+-]\d*[a-zA-Z]+(@[a-z]+\d*)?(?!\w)/y
const splWord = /[^\s|()[\],=<>!"`]+/y,
  splOperator = /[=<>!]=?|[+*/%.]/y,
  punctuation = /[|()[\],]/y
const splMacro = /`[^`]*`?/y,
  splFunction = /\s*\(/y,
  splOption = /\s*=/y
const splString = /(?:[^"\\]|\\.|\\$)*/y

/** One token of SPL. */
export function splToken(stream: Stream, state: State): Kind | null {
  if (state.within === 'comment') {
    if (upTo(stream, '```')) state.within = ''
    return 'comment'
  }
  if (state.within === 'string') return splStringRest(stream, state)
  if (match(stream, blank)) return null
  const c = stream.string[stream.pos]!
  if (c === '`') {
    if (stream.string.startsWith('```', stream.pos)) {
      stream.pos += 3
      if (!upTo(stream, '```')) state.within = 'comment'
      return 'comment'
    }
    state.command = false
    match(stream, splMacro)
    return 'macro'
  }
  if (c === '"') {
    state.command = false
    stream.pos++
    return splStringRest(stream, state)
  }
  if (match(stream, punctuation)) {
    if (c === '|' || c === '[') state.command = true
    return 'punctuation'
  }
  if (!state.command && (match(stream, splNumber) || match(stream, splTime))) return 'number'
  if (match(stream, splOperator)) return 'operator'
  const word = match(stream, splWord)
  if (word === null) {
    stream.pos++
    return null
  }
  const first = state.command
  state.command = false
  if (first && splCommands.has(word.toLowerCase()) && !ahead(stream, splOption)) return 'command'
  if (splKeywords.has(word.toUpperCase())) return 'keyword'
  if (ahead(stream, splFunction) && /^[a-zA-Z_]\w*$/.test(word)) return 'function'
  return ahead(stream, splOption) ? 'field' : null
}

function splStringRest(stream: Stream, state: State): Kind {
  match(stream, splString)
  if (stream.string[stream.pos] === '"') {
    stream.pos++
    state.within = ''
  } else {
    state.within = 'string'
  }
  return 'string'
}

function ahead(stream: Stream, pattern: RegExp): boolean {
  pattern.lastIndex = stream.pos
  return pattern.test(stream.string)
}

const number = /(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/y,
  word = /[A-Za-z_@][\w]*/y,
  quotedName = /`([^`]|``)*`?/y
const text = /"""[^\r\n]*?"""("{0,2})|"(?:[^"\\]|\\.)*"?/y,
  operator = /==|!=|<=|>=|::|[=<>+\-*/%:?]/y,
  mark = /[|,.()[\]{}]/y
const lineComment = /\/\/.*/y,
  call = /\s*\(/y,
  sourceName = /[^"=|,[\]()\s]+/y

/** One token of ES|QL. */
export function esqlToken(stream: Stream, state: State): Kind | null {
  if (state.within === 'comment') return blockComment(stream, state)
  if (match(stream, blank)) return null
  if (match(stream, lineComment)) return 'comment'
  if (stream.string.startsWith('/*', stream.pos)) {
    state.within = 'comment'
    return blockComment(stream, state)
  }
  if (match(stream, text)) return 'string'
  if (match(stream, quotedName)) return 'field'
  if (match(stream, number)) return 'number'
  const c = stream.string[stream.pos]!
  const name = match(stream, word)
  if (name !== null) return esqlWord(name, stream, state)
  if (match(stream, mark)) {
    if (c === '|' || (c === '(' && state.clause === 'fork')) state.command = true
    if (c === '|' && state.clause === 'names') state.clause = ''
    return 'punctuation'
  }
  if (match(stream, operator)) return 'operator'
  stream.pos++
  return null
}

function esqlWord(name: string, stream: Stream, state: State): Kind | null {
  const upper = name.toUpperCase()
  const before = stream.string.slice(0, stream.pos - name.length)
  if (state.command && esqlCommands.has(upper)) {
    state.command = false
    if (upper === 'FROM' || upper === 'TS' || upper === 'ENRICH') state.clause = 'names'
    else if (upper === 'FORK') state.clause = 'fork'
    return 'command'
  }
  state.command = false
  if (state.clause === 'names' && upper !== 'METADATA' && upper !== 'ON') {
    match(stream, sourceName)
    return 'field'
  }
  if (upper === 'STATS' && /\bINLINE\s+$/i.test(before)) return 'command'
  if (upper === 'JOIN' && /\bLOOKUP\s+$/i.test(before)) {
    state.clause = 'names'
    return 'command'
  }
  if (state.clause === 'names') state.clause = ''
  const part = before.endsWith('.')
  if (!part && ahead(stream, call) && esqlFunctions.has(upper)) return 'function'
  if (!part && stream.string[stream.pos] !== '.' && esqlKeywords.has(upper)) return 'keyword'
  return null
}

/** Comments nest; the depth is not kept over lines in a state of its own, because it is rare and only a colour. */
function blockComment(stream: Stream, state: State): Kind {
  if (upTo(stream, '*/')) state.within = ''
  return 'comment'
}
