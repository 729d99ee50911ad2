import type {Stages} from '../api/types'
import {type Note, severityName} from './notes'
import {mouseMoves} from './pointer'

interface StripProps {
  stages: Stages['stages']
  /** In the order of orderNotes. */
  notes: readonly Note[]
  /** Whether the stages are those of the query that is shown. */
  fits: boolean
  /** Why the stages and the query do not belong together, where it is to be said. */
  apart: string
  lit: number | null
  pinned: number | null
  onStage: (stage: number | null) => void
  onPin: (stage: number | null) => void
}

/** The stages of a search in a row; one that has the mouse or the focus is lit on both sides. */
export function StageStrip({stages, notes, fits, apart, lit, pinned, onStage, onPin}: StripProps) {
  return (
    <ol class="stage-strip" aria-label="Stages of the search">
      {stages.map((s, i) => {
        const worst = notes.find(n => s.notes.includes(n.index) && n.severity !== 'info' && !n.follows)
        return (
          <li key={i}>
            <button
              type="button"
              class={`stage-button${lit === i ? ' lit' : ''}${worst ? ` stage-${worst.severity}` : ''}${s.esql.length === 0 ? ' stage-none' : ''}`}
              aria-pressed={pinned === i}
              title={!fits ? s.spl.text : s.esql.length > 0 ? s.esql.map(e => e.text).join('\n') : 'Nothing of the ES|QL comes from it'}
              onMouseMove={() => {
                if (mouseMoves()) onStage(i)
              }}
              onMouseLeave={() => onStage(null)}
              onFocus={() => onStage(i)}
              onBlur={() => onStage(null)}
              onClick={() => onPin(pinned === i ? null : i)}
            >
              <span class="stage-n">{i + 1}</span>
              {s.command}
              <span class="visually-hidden">{worst ? `, ${severityName(worst.severity, 1)}` : ''}</span>
            </button>
          </li>
        )
      })}
      {apart ? <li class="muted stage-apart">{apart}</li> : null}
    </ol>
  )
}
