import {api, of} from '../api/client'
import type {CauseKind, Report} from '../api/types'

/** What the overview of a migration shows, in one call whatever the number of rules. */
export async function overview(migrationID: string, signal: AbortSignal): Promise<Report> {
  return api.get<Report>(of(migrationID, '/report'), {format: 'json'}, signal)
}

/** What a kind is: holes, approximations, or both. */
export function sort(k: CauseKind): 'hole' | 'approximation' | 'both' {
  return k.approximations === 0 ? 'hole' : k.holes === 0 ? 'approximation' : 'both'
}

/** The subjects of all causes, without the marks of macros: what a list of missing definitions need not say again. */
export function subjects(kinds: CauseKind[]): Set<string> {
  return new Set(kinds.flatMap(k => k.items.map(i => (i.subject ?? '').replaceAll('`', ''))))
}

/** A subject as it stands in a search: names of macros without their marks, and whether it is one. */
export function subject(s: string): {text: string; macro: boolean} {
  const macro = s.length > 2 && s.startsWith('`') && s.endsWith('`')
  return {text: macro ? s.slice(1, -1) : s, macro}
}
