import {signal} from '@preact/signals'
import {api, messageOf, of} from '../api/client'
import type {ReviewChange, Reviewed, ReviewState} from '../api/types'

/** What a person can set; `installed` is set by the installation alone. */
export type Verdict = 'open' | 'accepted' | 'rejected'

export const verdictDone: Record<Verdict, string> = {open: 'reopened', accepted: 'accepted', rejected: 'rejected'}

/** The most rules that one call takes. */
const chunk = 10_000

/**
 * Sets the sign-off of rules. A rule that changed since its revision is refused and stays as it is. When a call fails after
 * others were answered, the rules that are left are refused: what was changed can be taken back.
 */
export async function review(migration: string, rules: readonly ReviewChange[], comment?: string): Promise<Reviewed> {
  const all: Reviewed = {changed: [], refused: []}
  writing()
  for (let i = 0; i < rules.length; i += chunk) {
    let answer: Reviewed
    try {
      answer = await api.post<Reviewed>(of(migration, '/review'), {rules: rules.slice(i, i + chunk), ...(comment ? {comment} : {})})
    } catch (err) {
      if (i === 0) throw err
      all.refused.push(...rules.slice(i).map(r => ({rule_id: r.rule_id, why: messageOf(err)})))
      break
    }
    all.changed.push(...answer.changed)
    all.refused.push(...answer.refused)
  }
  return all
}

/** What takes a change back. A rule that was installed before cannot be made so again by a person, so it is left out. */
export function undoOf(reviewed: Reviewed): ReviewChange[] {
  return reviewed.changed.flatMap(c => (isVerdict(c.previous) && c.previous !== c.state ? [{rule_id: c.rule_id, revision: c.revision, state: c.previous}] : []))
}

function isVerdict(state: ReviewState): state is Verdict {
  return state !== 'installed'
}

export interface Undo {
  migration: string
  changes: ReviewChange[]
  /** The title of the rule, when it is one. */
  title?: string
}

/** The last change that can be taken back; the key u and the button of the toast do the same. */
export const lastUndo = signal<Undo | null>(null)

/** How long after a write of this window a change by the same person is taken for its echo, in milliseconds. */
const echo = 3_000
let wroteUntil = 0

/** Says that this window writes now. */
export function writing(): void {
  wroteUntil = Date.now() + echo
}

/** Whether this window wrote just now: the stream of changes may be faster than the answer to the write. */
export function wroteJustNow(): boolean {
  return Date.now() < wroteUntil
}

/** How many rules, in words. */
export function rulesWord(n: number): string {
  return n === 1 ? '1 rule' : `${n.toLocaleString()} rules`
}
