// The notes on a rule in the order in which a person should read them: worst first, causes apart from what only follows.

import type {Diagnostic, Severity} from '../api/types'

export interface Note extends Diagnostic {
  severity: Severity
  /** The place in the rule's list of diagnostics, which stages refer to. */
  index: number
  /** Whether the note only follows from another one, so that there is nothing to do about it by itself. */
  follows: boolean
}

const ranks: Record<Severity, number> = {error: 0, approximation: 1, info: 2}
const consequences = new Set(['depends_on_hole', 'no_draft'])

/** Orders notes: errors, approximations, infos; among the same in the order of the SPL. What follows from other errors comes behind them. */
export function orderNotes(diagnostics: readonly Diagnostic[]): Note[] {
  const notes = diagnostics.map((d, index): Note => ({
    ...d,
    index,
    severity: severityOf(d.severity),
    follows: false,
  }))
  const causes = notes.filter(n => n.severity === 'error' && !consequences.has(n.code))
  for (const note of notes) note.follows = consequences.has(note.code) && causes.length > 0
  return notes.sort(
    (a, b) =>
      ranks[a.severity] - ranks[b.severity] ||
      Number(a.follows) - Number(b.follows) ||
      a.start.line - b.start.line ||
      a.start.column - b.start.column ||
      a.index - b.index,
  )
}

/** An unknown severity is read as the worst, so that nothing looks better than it is. */
function severityOf(severity: string): Severity {
  return severity === 'info' || severity === 'approximation' ? severity : 'error'
}

/** What a reader calls a severity. */
export function severityName(severity: Severity, count: number): string {
  const names: Record<Severity, [string, string]> = {
    error: ['hole', 'holes'],
    approximation: ['approximation', 'approximations'],
    info: ['note', 'notes'],
  }
  return names[severity][count === 1 ? 0 : 1]
}

/** How many notes of each severity there are; what follows is not counted. */
export function countNotes(notes: readonly Note[]): Record<Severity, number> {
  const counts: Record<Severity, number> = {error: 0, approximation: 0, info: 0}
  for (const note of notes) if (!note.follows) counts[note.severity]++
  return counts
}

/** A message with what is wrong apart from what to do: messages put the second behind a semicolon or in a later sentence. */
export function splitMessage(message: string): {what: string; then: string} {
  let quoted = false,
    depth = 0
  for (let i = 0; i < message.length; i++) {
    const c = message[i]
    if (c === '`' || c === '"') quoted = !quoted
    else if (quoted) continue
    else if (c === '(') depth++
    else if (c === ')') depth--
    else if (depth === 0 && (c === ';' || c === '.' || c === ':') && message[i + 1] === ' ') {
      const then = message.slice(i + 2).trim()
      return {what: capital(message.slice(0, i)), then: then ? capital(then) : ''}
    }
  }
  return {what: capital(message), then: ''}
}

/** Starts a sentence; names in quotes or backticks and words with other capitals stay as they are. */
function capital(text: string): string {
  const first = /^[a-z]+(?=[\s,])/.exec(text)
  return first ? text.charAt(0).toUpperCase() + text.slice(1) : text
}
