import {useState} from 'preact/hooks'
import type {Cause} from '../api/types'
import {href} from '../router'
import {Badge, Button, Card, count, Empty, Icon, num} from '../ui'
import {identity} from './causes'
import {Give} from './give'
import {causeName, settledBy} from './words'

const first = 12

/** The causes that keep rules from being full, best first. */
export function CauseList({migrationID, causes, touched, onDone}: {migrationID: string; causes: Cause[]; touched: number; onDone: () => void}) {
  const [all, setAll] = useState(false)
  const [open, setOpen] = useState<string | undefined>(undefined)
  const most = Math.max(1, ...causes.map(c => c.sole))
  const sole = causes.reduce((a, c) => a + c.sole, 0)
  if (causes.length === 0) return <Card title="Causes"><Empty title="Nothing holds a rule back" icon="check">Every rule that is done is full, or a prebuilt rule takes its place.</Empty></Card>
  const shown = all ? causes : causes.slice(0, first)
  return (
    <Card class="causes" title="What keeps rules from being full" actions={<span class="muted small">{count(causes.length, 'cause')} in {count(touched, 'rule')}; {num(sole)} {sole === 1 ? 'rule has' : 'rules have'} one alone</span>}>
      <div class="cause-head" aria-hidden="true"><span>Cause</span><span class="cause-n" title="Rules that have no other cause: they are full without it">Alone holds back</span><span class="cause-n">Touches</span></div>
      <ol class="cause-list" aria-label="Causes, best first">
        {shown.map(c => {
          const id = identity(c)
          return <CauseItem key={id} migrationID={migrationID} c={c} most={most} open={open === id} onToggle={() => setOpen(open === id ? undefined : id)} onDone={() => { setOpen(undefined); onDone() }} />
        })}
      </ol>
      {causes.length > first ? <Button small kind="quiet" onClick={() => setAll(!all)}>{all ? `Show the first ${first}` : `Show all ${num(causes.length)}`}</Button> : null}
    </Card>
  )
}

function CauseItem({migrationID, c, most, open, onToggle, onDone}: {migrationID: string; c: Cause; most: number; open: boolean; onToggle: () => void; onDone: () => void}) {
  const kind = settledBy(c.code, c.subject)
  const hole = c.severity === 'error'
  return (
    <li class={`cause${open ? ' open' : ''}`}>
      <button type="button" class="cause-row" aria-expanded={open} onClick={onToggle}>
        <Icon name="chevron" class="icon turn" />
        <span class="cause-what">
          <span class="cause-name">{causeName(c.code)}</span>
          {c.subject ? <code>{c.subject}</code> : null}
          <span class="cause-tags">
            <Badge tone={hole ? 'untranslatable' : 'approximations'} title={hole ? 'A part of the search is missing in the translation' : 'Alerts can differ'}>{hole ? 'hole' : 'approximation'}</Badge>
            {c.command ? <span class="muted small">in <span class="mono">{c.command}</span></span> : null}
            {kind && !open ? <span class="cause-fix">can be given here</span> : null}
          </span>
        </span>
        <span class="cause-n"><b>{num(c.sole)}</b><span class="cause-bar" aria-hidden="true"><span class={`fill-${hole ? 'partial' : 'approximations'}`} style={{width: `${c.sole / most * 100}%`}} /></span><span class="cause-unit">{c.sole === 1 ? 'rule' : 'rules'} alone</span></span>
        <span class="cause-n plain">{num(c.rules)}<span class="cause-unit">{c.rules === 1 ? 'rule' : 'rules'} in all</span></span>
      </button>
      {open ? (
        <div class="cause-body">
          <p class="cause-example"><span class="muted">For example: </span>{c.example}</p>
          {kind && c.subject ? <Give migrationID={migrationID} kind={kind} name={c.subject} onDone={onDone} /> : null}
          <div class="row">
            {c.key ? <a class="button small default" href={href(['m', migrationID, 'rules'], {cause: c.key})}>Show {c.rules === 1 ? 'the rule' : `the ${num(c.rules)} rules`}</a> : null}
          </div>
        </div>
      ) : null}
    </li>
  )
}
