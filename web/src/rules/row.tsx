import type {RuleRow} from '../api/types'
import {Badge, type Tone} from '../ui/basic'
import {ago, when} from '../ui/format'

/** What became of a rule, in the fewest words, with the colour of its class. */
export function outcome(row: RuleRow): {tone: Tone; text: string; title?: string} {
  if (row.status === 'error') return {tone: 'error', text: 'in error', title: row.error_code}
  if (row.status !== 'finished') return {tone: row.status === 'processing' ? 'accent' : 'waiting', text: row.status}
  if (row.matched_rule) return {tone: 'matched', text: 'prebuilt', title: row.matched_rule}
  if (row.translation_result === 'full') return {tone: 'full', text: 'full'}
  if (row.translation_result === 'untranslatable') return {tone: 'untranslatable', text: 'untranslatable'}
  return {tone: row.holes > 0 ? 'partial' : 'approximations', text: 'partial'}
}

/** What stands under the title: the id where it says more than app and title do, the app, whether Splunk runs it. */
export function under(row: RuleRow): string {
  const plain = row.id === row.title || row.id === `${row.app ?? ''}:${row.title}`
  return [plain ? '' : row.id, row.app ?? '', row.disabled ? 'disabled in Splunk' : ''].filter(Boolean).join(' · ')
}

/** What keeps a rule from being full, in numbers. */
export function noteCounts(row: RuleRow): string {
  const parts: string[] = []
  if (row.holes > 0) parts.push(`${row.holes} ${row.holes === 1 ? 'hole' : 'holes'}`)
  if (row.approximations > 0) parts.push(`${row.approximations} approx.`)
  return parts.join(', ')
}

interface RowProps {
  id: string
  index: number
  row: RuleRow | undefined
  href: string
  cursor: boolean
  chosen: boolean
  onOpen: () => void
  onChoose: (range: boolean) => void
}

/** One row of the list. A row that has not come yet keeps its place. */
export function Row({id, index, row, href, cursor, chosen, onOpen, onChoose}: RowProps) {
  const cls = `rule-row${cursor ? ' cursor' : ''}${chosen ? ' chosen' : ''}`
  if (!row) {
    return (
      <div id={id} role="row" aria-rowindex={index + 2} class={cls + ' waiting'}>
        <div role="gridcell" class="cell-title" aria-label="Loading">
          <span class="bone" />
        </div>
      </div>
    )
  }
  const out = outcome(row)
  const click = (e: MouseEvent) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey) {
      e.preventDefault()
      onChoose(e.shiftKey)
    } else if (e.button === 0) {
      e.preventDefault()
      onOpen()
    }
  }
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      class={cls}
      onClick={click}
      onMouseDown={e => {
        if (e.shiftKey) e.preventDefault()
      }}
    >
      <div
        role="gridcell"
        class="cell-choose"
        onClick={e => {
          e.stopPropagation()
          e.preventDefault()
          onChoose(e.shiftKey)
        }}
      >
        <span class={`tick${chosen ? ' on' : ''}`} aria-hidden="true" />
      </div>
      <div role="gridcell" class="cell-title">
        <a href={href} tabIndex={-1} class="rule-title" title={row.title} dir="auto">
          {row.title || row.id}
        </a>
        <span class="rule-sub" title={row.id} dir="auto">
          {under(row)}
        </span>
      </div>
      <div role="gridcell" class="cell-result">
        <Badge tone={out.tone} title={out.title}>
          {out.text}
        </Badge>
      </div>
      <div role="gridcell" class="cell-notes" title={noteCounts(row) || undefined}>
        {noteCounts(row)}
      </div>
      <div role="gridcell" class="cell-review">
        {row.review === 'open' ? <span class="faint">open</span> : <Badge tone={row.review}>{row.review}</Badge>}
        {row.edited ? (
          <span class="edited" title={`Edited by ${row.edited.by}, ${when(row.edited.at)}`}>
            edited
          </span>
        ) : null}
      </div>
      <div role="gridcell" class="cell-source" title={row.sources.join(', ')}>
        {row.sources[0] ?? ''}
        {row.sources.length > 1 ? ` +${row.sources.length - 1}` : ''}
      </div>
      <div role="gridcell" class="cell-mitre" title={row.techniques.join(', ')}>
        {row.techniques.slice(0, 2).join(' ')}
        {row.techniques.length > 2 ? ` +${row.techniques.length - 2}` : ''}
      </div>
      <div role="gridcell" class={`cell-severity severity-${row.severity ?? 'none'}`}>
        {row.severity ?? ''}
      </div>
      <div role="gridcell" class="cell-updated">
        <time dateTime={row.updated_at} title={`${when(row.updated_at)}${row.updated_by ? `, ${row.updated_by}` : ''}`}>
          {ago(row.updated_at)}
        </time>
      </div>
    </div>
  )
}
