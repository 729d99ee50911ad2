import type {ExportCounts, LeftOutBy, Take} from '../api/types'
import {num} from '../ui/format'

/** What keeps rules out, in the order in which it is said; the first are those without a query to take. */
const words: [string, string][] = [
  ['not_accepted', 'not accepted'], ['untranslatable', 'untranslatable'], ['error', 'ended in an error'], ['not_translated', 'not translated yet'], ['no_query', 'without a query'],
  ['refused_query', 'with a query that is no ES|QL'], ['other_language', 'in another language'], ['lookup', 'with lookup indices that collide'], ['rejected', 'rejected'],
]
const noQuery = ['untranslatable', 'error', 'not_translated', 'no_query']

/** Why rules are left out, such as "147 not accepted, 1 rejected"; empty when none is. */
export function leftOutWords(by: LeftOutBy | undefined): string {
  const known = new Map(words)
  const order = words.map(([code]) => code)
  return Object.entries(by ?? {}).filter(([, n]) => n > 0).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    .map(([code, n]) => `${num(n)} ${known.get(code) ?? code.replaceAll('_', ' ')}`).join(', ')
}

/** What there is, such as "157 with a query, of which 10 accepted; 34 have no query, 1 rejected". */
export function countWords(c: ExportCounts): string {
  const without = noQuery.reduce((sum, code) => sum + (c.left_out[code] ?? 0), 0)
  const rest = Object.fromEntries(Object.entries(c.left_out).filter(([code]) => !noQuery.includes(code)))
  const out = [without > 0 ? `${num(without)} ${without === 1 ? 'has' : 'have'} no query` : '', leftOutWords(rest)].filter(Boolean).join(', ')
  return `${num(c.all)} with a query, of which ${num(c.accepted)} accepted${out ? `; ${out}` : ''}`
}

/** What is taken unless somebody chooses: only accepted rules where there are any. */
export function usualTake(c: ExportCounts): Take {
  return c.accepted > 0 ? 'accepted' : 'all'
}

/** How many rules are taken, and what is left out. */
export function taken(c: ExportCounts, take: Take): {rules: number; partial: number; leftOut: LeftOutBy} {
  if (take === 'all') return {rules: c.all, partial: c.partial, leftOut: c.left_out}
  return {rules: c.accepted, partial: c.accepted_partial, leftOut: {...c.left_out, not_accepted: c.all - c.accepted}}
}
