// A person's comment before it is added. It is kept in memory while one looks elsewhere, as a change of the rule is.

import {signal} from '@preact/signals'

const kept = signal<ReadonlyMap<string, string>>(new Map())
const keyOf = (migration: string, rule: string) => JSON.stringify([migration, rule])

/** The comment that was begun and not added; empty when there is none. */
export function keptComment(migration: string, rule: string): string {
  return kept.value.get(keyOf(migration, rule)) ?? ''
}

export function keepComment(migration: string, rule: string, text: string): void {
  const next = new Map(kept.value)
  if (text.trim()) next.set(keyOf(migration, rule), text)
  else next.delete(keyOf(migration, rule))
  kept.value = next
}

/** How many comments are not added; the browser asks before it closes the page while there are any. */
export function unsentComments(): number {
  return kept.value.size
}
