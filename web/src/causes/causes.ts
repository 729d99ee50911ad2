import {api, isAbort, of} from '../api/client'
import type {Cause, CauseFacet, Report, Rows} from '../api/types'

/** Names a cause without its key; the same cause of the report and of the facets have the same. */
export function identity(c: Pick<Cause, 'code' | 'severity' | 'command' | 'subject'>): string {
  return JSON.stringify([c.code, c.severity, c.command ?? '', c.subject ?? ''])
}

/** Best first: what holds back most rules alone, then what touches most; holes before approximations. */
export function bestFirst(list: Cause[]): Cause[] {
  return [...list].sort((a, b) => b.sole - a.sole || b.rules - a.rules || rank(a) - rank(b) || (identity(a) < identity(b) ? -1 : 1))
}

function rank(c: Cause): number {
  return c.severity === 'error' ? 0 : 1
}

/** The causes with the keys that filters of rules take. */
export function withKeys(causes: Cause[], facets: CauseFacet[]): Cause[] {
  const keys = new Map(facets.map(f => [identity(f), f.key]))
  return causes.map(c => ({...c, key: c.key ?? keys.get(identity(c))}))
}

export interface Overview {
  report: Report
  causes: Cause[]
}

/** What the overview of a migration shows, in two calls whatever the number of rules. */
export async function overview(migrationID: string, signal: AbortSignal): Promise<Overview> {
  const [report, rows] = await Promise.all([
    api.get<Report>(of(migrationID, '/report'), {format: 'json'}, signal),
    // The report says it all but the keys: without them only the ways to the rules are missing.
    api.get<Rows>(of(migrationID, '/rows'), {limit: 1, facets: true}, signal).catch((err: unknown) => {
      if (isAbort(err)) throw err
      return undefined
    }),
  ])
  return {report, causes: bestFirst(withKeys(report.causes ?? [], rows?.facets?.causes ?? []))}
}
