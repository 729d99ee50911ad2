import type {Rule} from '../api/types'
import {Badge, Empty, type Tone} from '../ui/basic'
import {count} from '../ui/format'
import {orderNotes, severityName, splitMessage, type Note} from './notes'
import {mouseMoves} from './pointer'
import {placeName} from './position'

export const tones: Record<Note['severity'], Tone> = {error: 'partial', approximation: 'approximations', info: 'neutral'}

interface NotesProps {
  rule: Rule
  /** The note whose place is shown. */
  shown: number | null
  onShow: (note: Note | null) => void
  onStage: (note: Note | null) => void
}

/** The notes on a rule, worst first. Choosing one shows its place in the SPL. */
export function Notes({rule, shown, onShow, onStage}: NotesProps) {
  const notes = orderNotes(rule.diagnostics ?? [])
  const serious = notes.filter(n => n.severity !== 'info' && !n.follows)
  const following = notes.filter(n => n.follows)
  const infos = notes.filter(n => n.severity === 'info')
  if (notes.length === 0) {
    return (
      <Empty icon="check" title="No notes">
        {rule.status === 'finished' ? 'Nothing about this translation needs a look.' : 'Notes come with the translation.'}
      </Empty>
    )
  }
  const list = (some: Note[]) => (
    <ul class="rule-notes">
      {some.map(n => (
        <Item key={n.index} note={n} on={n.index === shown} onShow={() => onShow(n.index === shown ? null : n)} onStage={onStage} />
      ))}
    </ul>
  )
  const folded = (some: Note[], words: string) =>
    some.length > 0 ? (
      <details class="more-notes">
        <summary>{words}</summary>
        {list(some)}
      </details>
    ) : null
  return (
    <div class="stack tight">
      {serious.length > 0 ? list(serious) : <p class="muted">Nothing that can change which rows alert. What follows is good to know.</p>}
      {folded(following, `${count(following.length, 'more hole')} that only ${following.length === 1 ? 'follows' : 'follow'} from these`)}
      {serious.length > 0 ? folded(infos, `${count(infos.length, 'note')} that cannot change which rows alert`) : infos.length > 0 ? list(infos) : null}
    </div>
  )
}

function Item({note, on, onShow, onStage}: {note: Note; on: boolean; onShow: () => void; onStage: (n: Note | null) => void}) {
  const {what, then} = splitMessage(note.message)
  return (
    <li
      class={`rule-note rule-note-${note.severity}${note.follows ? ' follows' : ''}${on ? ' on' : ''}`}
      onMouseMove={() => {
        if (mouseMoves()) onStage(note)
      }}
      onMouseLeave={() => onStage(null)}
    >
      <button type="button" class="rule-note-place" aria-pressed={on} onClick={onShow} onFocus={() => onStage(note)} onBlur={() => onStage(null)}>
        <Badge tone={note.follows ? 'neutral' : tones[note.severity]}>{note.follows ? 'follows' : severityName(note.severity, 1)}</Badge>
        <span class="rule-note-text">
          <strong>
            <Quoted text={what} />
          </strong>
          {then ? (
            <span class="rule-note-then">
              <Quoted text={then} />
            </span>
          ) : null}
        </span>
        <span class="rule-note-at">
          {note.command ? <code>{note.command}</code> : null} {placeName(note.start, note.end)}
        </span>
      </button>
    </li>
  )
}

/** A text in which what stands in backticks is code. */
export function Quoted({text}: {text: string}) {
  return <>{text.split('`').map((part, i, all) => (i % 2 === 1 && i < all.length - 1 ? <code key={i}>{part}</code> : i % 2 === 1 ? '`' + part : part))}</>
}
