import {StreamLanguage, type StreamParser} from '@codemirror/language'
import {esqlToken, type Kind, splToken, startState, type State, type Stream} from './tokenize'

/** The names that CodeMirror has for what the tokenizers find. */
const styles: Record<Kind, string> = {
  command: 'keyword',
  keyword: 'operatorKeyword',
  function: 'variableName.function',
  string: 'string',
  number: 'number',
  comment: 'comment',
  operator: 'operator',
  macro: 'macroName',
  field: 'propertyName',
  punctuation: 'operator',
}

function parser(token: (stream: Stream, state: State) => Kind | null): StreamParser<State> {
  return {
    startState,
    copyState: s => ({...s}),
    token(stream, state) {
      const kind = token(stream, state)
      return kind && styles[kind]
    },
  }
}

export const spl = StreamLanguage.define(parser(splToken))
export const esql = StreamLanguage.define(parser(esqlToken))
