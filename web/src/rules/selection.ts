// Which rules are chosen. A selection holds ids, never places: the order of the list may change beneath it. With each it holds
// the revision that the person saw, so that what somebody else changed since is told and not overwritten.

export interface Chosen {
  readonly id: string
  readonly revision: number
}

export interface Selection {
  /** The revision of each chosen rule, by its id. */
  readonly ids: ReadonlyMap<string, number>
  /** The rule from which a range is drawn. */
  readonly anchor: string | null
}

export const nothing: Selection = {ids: new Map(), anchor: null}

const byId = (list: readonly Chosen[]): [string, number][] => list.map(c => [c.id, c.revision])

/** Chooses a rule, or lets it go; it becomes the anchor. */
export function toggle(selection: Selection, rule: Chosen): Selection {
  const ids = new Map(selection.ids)
  if (!ids.delete(rule.id)) ids.set(rule.id, rule.revision)
  return {ids, anchor: rule.id}
}

/** Chooses everything between the anchor and a rule, both included, in the order of the list. The anchor stays. */
export function extend(selection: Selection, rule: Chosen, between: (from: string, to: string) => readonly Chosen[]): Selection {
  const anchor = selection.anchor ?? rule.id
  return {ids: new Map([...selection.ids, ...byId(between(anchor, rule.id)), ...byId([rule])]), anchor}
}

/** Chooses all of a list. */
export function all(list: readonly Chosen[]): Selection {
  return {ids: new Map(byId(list)), anchor: list[0]?.id ?? null}
}

/** The rules between two of a list, in its order; none when one of them is not in it. */
export function slice(list: readonly Chosen[], from: string, to: string): readonly Chosen[] {
  const a = list.findIndex(c => c.id === from),
    b = list.findIndex(c => c.id === to)
  return a < 0 || b < 0 ? [] : list.slice(Math.min(a, b), Math.max(a, b) + 1)
}

/** The same rules where the person knows newer states of some: what they did themselves, or looked at. */
export function seen(selection: Selection, newer: readonly Chosen[]): Selection {
  const known = newer.filter(c => (selection.ids.get(c.id) ?? Infinity) < c.revision)
  return known.length === 0 ? selection : {...selection, ids: new Map([...selection.ids, ...byId(known)])}
}

/**
 * What stays chosen after a sign-off: not the rules that it changed. Who is told that a rule was changed by somebody else knows
 * that state of it, and may decide again.
 */
export function left(selection: Selection, {changed, refused}: {changed: readonly {rule_id: string}[]; refused: readonly {rule_id: string; revision?: number}[]}): Selection {
  const ids = new Map(selection.ids)
  for (const c of changed) ids.delete(c.rule_id)
  for (const r of refused) if (r.revision !== undefined && ids.has(r.rule_id)) ids.set(r.rule_id, r.revision)
  return {ids, anchor: selection.anchor}
}
