// Which rules are chosen. A selection holds ids, never places: the order of the list may change beneath it.

export interface Selection {
  readonly ids: ReadonlySet<string>
  /** The rule from which a range is drawn. */
  readonly anchor: string | null
}

export const nothing: Selection = {ids: new Set(), anchor: null}

/** Chooses a rule, or lets it go; it becomes the anchor. */
export function toggle(selection: Selection, id: string): Selection {
  const ids = new Set(selection.ids)
  if (!ids.delete(id)) ids.add(id)
  return {ids, anchor: id}
}

/** Chooses everything between the anchor and a rule, both included, in the order of the list. The anchor stays. */
export function extend(selection: Selection, id: string, between: (from: string, to: string) => readonly string[]): Selection {
  const anchor = selection.anchor ?? id
  return {ids: new Set([...selection.ids, ...between(anchor, id)]), anchor}
}

/** Chooses all of a list. */
export function all(ids: readonly string[]): Selection {
  return {ids: new Set(ids), anchor: ids[0] ?? null}
}

/** The ids between two of a list, in its order; only `to` when one of them is not in it. */
export function slice(ids: readonly string[], from: string, to: string): readonly string[] {
  const a = ids.indexOf(from),
    b = ids.indexOf(to)
  return a < 0 || b < 0 ? [to] : ids.slice(Math.min(a, b), Math.max(a, b) + 1)
}
