import {useSignal} from '@preact/signals'
import {api, of} from '../api/client'
import type {Migration, ReviewChange, Reviewed} from '../api/types'
import {Button} from '../ui/basic'
import {Dialog} from '../ui/dialog'
import {toast, toastError} from '../ui/toast'
import {lastUndo, review, rulesWord, undoOf, type Verdict, verdictDone} from './review'

export interface Refused {
  title: string
  list: Reviewed['refused']
}

interface ReviewActions {
  /**
   * Sets the sign-off of rules, says what became of it, and offers the way back. Only the last decision is told of: messages
   * would pile up over what one looks at.
   */
  set: (rules: {rule_id: string; revision: number}[], verdict: Verdict) => Promise<Reviewed | undefined>
  undo: () => Promise<void>
  retry: (rules: {rule_id: string; revision: number}[]) => Promise<void>
  /** The rules that were refused, in a dialog; null when there are none. */
  refused: Refused | null
  closeRefused: () => void
}

/** What the messages about decisions are about. */
const about = 'decision'

/** Bulk and single sign-off, the same in the list and on a rule. changed is called with each answer; titleOf names a single rule in the message. */
export function useReviewActions(migration: string, changed: (r: Reviewed) => void, titleOf: (id: string) => string | undefined): ReviewActions {
  const refused = useSignal<Refused | null>(null)

  const send = async (changes: ReviewChange[], done: string, withUndo: boolean, known?: string): Promise<Reviewed | undefined> => {
    const title = known ?? (changes.length === 1 ? titleOf(changes[0]?.rule_id ?? '') : undefined)
    const named = title ? `: ${title.length > 60 ? title.slice(0, 59) + '…' : title}` : ''
    let answer: Reviewed
    try {
      answer = await review(migration, changes)
    } catch (err) {
      toastError(err, 'Nothing was changed')
      return undefined
    }
    changed(answer)
    const back = withUndo ? undoOf(answer) : []
    lastUndo.value = back.length > 0 ? {migration, changes: back, title} : null
    if (answer.changed.length > 0) {
      toast(`${rulesWord(answer.changed.length)} ${done}${named}`, back.length > 0 ? {about, undo: () => takeBack(back, title)} : {about})
    }
    if (answer.refused.length === 1 && changes.length === 1) toast(`Not ${done}${named}: ${answer.refused[0]?.why ?? ''}`, {kind: 'error', about})
    else if (answer.refused.length > 0) refused.value = {title: `${rulesWord(answer.refused.length)} not ${done}`, list: answer.refused}
    return answer
  }

  /** Takes back the change that a message tells of, also when others came after it. */
  const takeBack = async (changes: ReviewChange[], title?: string): Promise<void> => {
    const last = lastUndo.value
    await send(changes, 'as before', false, title)
    if (last?.changes !== changes) lastUndo.value = last
  }

  const undo = async (): Promise<void> => {
    const last = lastUndo.value
    if (!last || last.migration !== migration) {
      toast('There is nothing to undo.', {kind: 'info', about})
      return
    }
    lastUndo.value = null
    await send(last.changes, 'as before', false, last.title)
  }

  const retry = async (rules: {rule_id: string; revision: number}[]): Promise<void> => {
    try {
      const connector = await connectorOf(migration)
      await api.put(of(migration, '/start'), {connectorId: connector, retry_filter: {ids: rules.map(r => r.rule_id), revisions: rules.map(r => r.revision)}})
      toast(`${rulesWord(rules.length)} translated again. What each had come to stays in its history.`, {kind: 'info'})
    } catch (err) {
      toastError(err, 'Not started')
    }
  }

  return {
    set: (rules, verdict) =>
      send(
        rules.map(r => ({...r, state: verdict})),
        verdictDone[verdict],
        true,
      ),
    undo,
    retry,
    refused: refused.value,
    closeRefused: () => {
      refused.value = null
    },
  }
}

/** The connector that a migration was last run with. */
async function connectorOf(migration: string): Promise<string> {
  const list = await api.get<Migration[]>(of('migrations'))
  return list.find(m => m.id === migration)?.connector_id || 'deterministic'
}

/** Names the rules that were refused, each with why. */
export function RefusedDialog({
  refused,
  titleOf,
  onClose,
  hrefOf,
}: {
  refused: Refused
  titleOf: (id: string) => string
  hrefOf: (id: string) => string
  onClose: () => void
}) {
  const most = 200
  return (
    <Dialog
      title={refused.title}
      onClose={onClose}
      footer={
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      }
    >
      <p>They stay as they were. Look at each before you decide again.</p>
      <ul class="refused">
        {refused.list.slice(0, most).map(r => (
          <li key={r.rule_id}>
            <a href={hrefOf(r.rule_id)} onClick={onClose}>
              {titleOf(r.rule_id)}
            </a>
            <span>{r.why}</span>
          </li>
        ))}
      </ul>
      {refused.list.length > most ? <p>and {refused.list.length - most} more.</p> : null}
    </Dialog>
  )
}
