import type {Migration} from '../api/types'
import {Note, num, PartsBar, percent, type Part} from '../ui'

/** What the rules of a migration came to, as parts. Results are there as soon as the list has them. */
export function partsOf(m: Migration): Part[] {
  const r = m.results
  const parts: Part[] = r && r.full + r.partial + r.untranslatable === m.rules.finished
    ? [{tone: 'full', label: 'full', n: r.full}, {tone: 'approximations', label: 'partial', n: r.partial}, {tone: 'untranslatable', label: 'untranslatable', n: r.untranslatable}]
    : [{tone: 'accent', label: 'finished', n: m.rules.finished}]
  return [...parts, {tone: 'error', label: 'in error', n: m.rules.failed}]
}

export function MigrationProgress({m}: {m: Migration}) {
  const done = m.rules.finished + m.rules.failed
  return (
    <div class="progress-line">
      <PartsBar parts={partsOf(m)} total={m.rules.total} label="Rules" />
      <span class="progress-text"><b>{num(done)}</b> of {num(m.rules.total)} done, {percent(done, m.rules.total)}{m.rules.processing > 0 ? `, ${num(m.rules.processing)} in work` : ''}{m.rules.failed > 0 ? `, ${num(m.rules.failed)} in error` : ''}{m.results?.matched ? `, ${num(m.results.matched)} as prebuilt rules` : ''}</span>
    </div>
  )
}

/** Why a migration stopped by itself, and what to do. */
export function Parked({m}: {m: Migration}) {
  if (!m.park_reason || m.state === 'running') return null
  return <Note tone="warn" title={`Parked: ${m.park_reason}`}>Nothing is lost. When the cause is gone, choose Go on: what is done stays, the rest is taken up.</Note>
}
