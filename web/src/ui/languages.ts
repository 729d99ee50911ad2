import {StreamLanguage, type StreamParser} from '@codemirror/language'

// Enough of both languages to colour them; what they mean is the gateway's to say.

const splCommands = /^(?:abstract|addinfo|addtotals|append|appendcols|appendpipe|bin|bucket|chart|collect|convert|dedup|eval|eventstats|fields|fillnull|filldown|foreach|format|from|head|inputlookup|iplocation|join|lookup|makemv|makeresults|map|mstats|multisearch|mvcombine|mvexpand|nomv|outputlookup|rare|regex|rename|replace|rest|return|reverse|rex|search|sendemail|set|sort|spath|stats|streamstats|table|tail|timechart|top|transaction|tstats|union|untable|where|xyseries|table)\b/i
const splWords = /^(?:AND|OR|NOT|XOR|IN|BY|AS|WHERE|FROM|OVER|LIKE|OUTPUT|OUTPUTNEW|true|false|null)\b/i
const esqlCommands = /^(?:FROM|ROW|SHOW|TS|WHERE|EVAL|STATS|INLINESTATS|KEEP|DROP|RENAME|SORT|LIMIT|DISSECT|GROK|ENRICH|MV_EXPAND|LOOKUP|JOIN|CHANGE_POINT|FORK|SAMPLE|COMPLETION|METADATA)\b/i
const esqlWords = /^(?:AND|OR|NOT|IN|IS|NULL|LIKE|RLIKE|BY|AS|ON|WITH|ASC|DESC|NULLS|FIRST|LAST|TRUE|FALSE)\b/i

interface State {
  /** Inside a text of three quotes, or in a comment. */
  inside: '' | '"""' | '/*' | '```'
  /** Whether a command may stand here. */
  fresh: boolean
}

function parser(commands: RegExp, words: RegExp, macros: boolean): StreamParser<State> {
  return {
    startState: () => ({inside: '', fresh: true}),
    copyState: s => ({...s}),
    token(stream, state) {
      if (state.inside) {
        const end = state.inside === '/*' ? '*/' : state.inside
        if (stream.skipTo(end)) {
          stream.match(end)
          const was = state.inside
          state.inside = ''
          return was === '"""' ? 'string' : 'comment'
        }
        stream.skipToEnd()
        return state.inside === '"""' ? 'string' : 'comment'
      }
      if (stream.eatSpace()) return null
      if (macros && stream.match('```')) { state.inside = '```'; return 'comment' }
      if (!macros && stream.match('/*')) { state.inside = '/*'; return 'comment' }
      if (!macros && stream.match('//')) { stream.skipToEnd(); return 'comment' }
      if (!macros && stream.match('"""')) { state.inside = '"""'; return 'string' }
      if (macros && stream.match(/^`[^`]*`/)) { state.fresh = false; return 'macroName' }
      if (!macros && stream.match(/^`[^`]*`/)) return 'propertyName'
      if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) { state.fresh = false; return 'string' }
      if (macros && stream.match(/^'(?:[^'\\]|\\.)*'?/)) { state.fresh = false; return 'propertyName' }
      if (stream.match(/^[|[]/)) { state.fresh = true; return 'operator' }
      if (stream.match(/^\d+(?:\.\d+)?(?:[smhdwy]|mon)?\b/)) { state.fresh = false; return 'number' }
      if (state.fresh && stream.match(commands)) { state.fresh = false; return 'keyword' }
      state.fresh = false
      if (stream.match(words)) return 'operatorKeyword'
      if (!macros && stream.match(/^JOIN\b/i)) return 'keyword'
      if (stream.match(/^[A-Za-z_][\w]*(?=\()/)) return 'function'
      if (stream.match(/^[\w@*.:$-]+(?=\s*(?:=|!=|<|>|==))/)) return 'propertyName'
      if (stream.match(/^[=<>!+*/%,()-]+/)) return 'operator'
      if (stream.match(/^[\w@.*:$-]+/)) return 'variableName'
      stream.next()
      return null
    },
  }
}

export const spl = StreamLanguage.define(parser(splCommands, splWords, true))
export const esql = StreamLanguage.define(parser(esqlCommands, esqlWords, false))
