import {Badge} from '../ui/basic'
import {count} from '../ui/format'
import {type Note, severityName, splitMessage} from './notes'
import {Quoted, tones} from './notes-list'
import {panel} from './panel'
import {mouseMoves} from './pointer'

/** How many notes stand above the queries; the others are below them. */
export const leadNotes = 2

/** The notes that come first: those that can change which rows alert, worst first, without what only follows from them. */
export function leading(notes: readonly Note[]): Note[] {
  return notes.filter(n => n.severity !== 'info' && !n.follows).slice(0, leadNotes)
}

/** Shows the list of all notes. */
export function toNotes(): void {
  panel.value = 'notes'
  requestAnimationFrame(() => document.querySelector('.panel-tabs')?.scrollIntoView({block: 'start'}))
}

interface LeadProps {
  /** In the order of orderNotes. */
  notes: readonly Note[]
  shown: number | null
  onShow: (note: Note | null) => void
  onStage: (note: Note | null) => void
}

/** The worst notes above the queries, in a line each, so that they are read before the rule is decided about. */
export function NotesLead({notes, shown, onShow, onStage}: LeadProps) {
  const lead = leading(notes)
  if (lead.length === 0) return null
  return (
    <section class="notes-lead" aria-label="Worst notes">
      <ul>
        {lead.map(n => {
          const {what, then} = splitMessage(n.message)
          return (
            <li key={n.index} class={`lead-note lead-note-${n.severity}`}>
              <button
                type="button"
                aria-pressed={n.index === shown}
                title={n.message}
                onMouseMove={() => {
                  if (mouseMoves()) onStage(n)
                }}
                onMouseLeave={() => onStage(null)}
                onFocus={() => onStage(n)}
                onBlur={() => onStage(null)}
                onClick={() => onShow(n.index === shown ? null : n)}
              >
                <Badge tone={tones[n.severity]}>{severityName(n.severity, 1)}</Badge>
                <span class="lead-text">
                  <strong>
                    <Quoted text={what} />
                  </strong>{' '}
                  {then ? (
                    <span class="muted">
                      <Quoted text={then} />
                    </span>
                  ) : null}
                </span>
              </button>
            </li>
          )
        })}
      </ul>
      {notes.length > 1 ? (
        <button type="button" class="linkish lead-all" onClick={toNotes}>
          All {count(notes.length, 'note')}
        </button>
      ) : null}
    </section>
  )
}
