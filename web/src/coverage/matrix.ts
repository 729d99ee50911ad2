import type {Breakdown, Class, Report} from '../api/types'

/** A technique in the column of a tactic. */
export interface Cell {
  id: string
  name: string
  /** Rules in Splunk that name it. */
  before: number
  /** Rules that leave something to install. */
  after: number
  by: Partial<Record<Class, number>>
  /** Whether it is a part of another technique. */
  sub: boolean
}

export interface Column {
  tactic: Breakdown
  cells: Cell[]
}

/** The classes that leave something to install, best first. */
const covering: Class[] = ['full', 'matched', 'approximations', 'partial']

/** How many of a breakdown's rules leave something to install. */
export function covers(by: Partial<Record<Class, number>>): number {
  return covering.reduce((a, c) => a + (by[c] ?? 0), 0)
}

/** The best class among the rules of a cell that leave something to install; undefined when none does. */
export function best(by: Partial<Record<Class, number>>): Class | undefined {
  return covering.find(c => (by[c] ?? 0) > 0)
}

/** The matrix of a report: a column for each tactic in the order of an attack, in it the techniques that rules name. */
export function matrix(mitre: Report['mitre']): Column[] {
  const cells = (mitre.techniques ?? []).map(t => ({
    tactics: t.tactics,
    cell: {id: t.id ?? '', name: t.name, before: t.rules, after: covers(t.by), by: t.by, sub: (t.id ?? '').includes('.')},
  }))
  return (mitre.tactics ?? []).map(tactic => ({
    tactic,
    cells: cells.filter(c => c.tactics.includes(tactic.id ?? '')).map(c => c.cell).sort((a, b) => a.id < b.id ? -1 : 1),
  }))
}
