import {useState} from 'preact/hooks'
import type {CauseItem, CauseKind} from '../api/types'
import {href} from '../router'
import {Badge, Button, Card, count, Empty, Icon, num, Said} from '../ui'
import {sort, subject} from './causes'
import {Give} from './give'
import {itemCount, settledBy, unnamed} from './words'

/** How many kinds, and items of an open one, are shown at first. */
export const firstKinds = 8
export const firstItems = 6

/** The kinds that are shown at first: the best, and those that are settled on this page with a file. */
export function atFirst(kinds: CauseKind[]): CauseKind[] {
  return kinds.filter((k, i) => i < firstKinds || k.remedy === 'define')
}

interface CauseListProps {
  migrationID: string
  kinds: CauseKind[]
  /** Rules that are done and not full. */
  touched: number
  onDone: () => void
}

/** What keeps rules from being full: kinds of causes, best first, each opening to its causes. */
export function CauseList({migrationID, kinds, touched, onDone}: CauseListProps) {
  const [all, setAll] = useState(false)
  const [open, setOpen] = useState<string | undefined>(undefined)
  const most = Math.max(1, ...kinds.map(k => k.rules))
  const sole = kinds.reduce((a, k) => a + k.sole, 0)
  if (kinds.length === 0) return <Card title="Causes"><Empty title="Nothing holds a rule back" icon="check">Every rule that is done is full, or a prebuilt rule takes its place.</Empty></Card>
  const shown = all ? kinds : atFirst(kinds)
  return (
    <Card class="causes" title="What keeps rules from being full">
      <p class="causes-lead"><strong>{count(touched, 'rule is', 'rules are')} not full.</strong> Begin at the top: what stands there brings most rules nearest to full.{sole > 0 ? ` ${count(sole, 'rule has', 'rules have')} causes of one kind alone.` : ''}</p>
      <div class="cause-head" aria-hidden="true"><span>Cause, and what to do</span><span class="cause-n">Rules with it</span><span class="cause-alone" title="Rules that have no cause of another kind: they are full without it">It alone</span></div>
      <ol class="cause-list" aria-label="Causes, best first">
        {shown.map(k => <Kind key={k.code} migrationID={migrationID} k={k} most={most} open={open === k.code} onToggle={() => setOpen(open === k.code ? undefined : k.code)} onDone={() => { setOpen(undefined); onDone() }} />)}
      </ol>
      {atFirst(kinds).length < kinds.length ? <Button small kind="quiet" onClick={() => setAll(!all)}>{all ? 'Show the first ones' : `Show ${count(kinds.length - shown.length, 'more kind')}`}</Button> : null}
    </Card>
  )
}

const sorts = {
  hole: {tone: 'untranslatable', label: 'hole', title: 'A part of the search is missing in the translation'},
  approximation: {tone: 'approximations', label: 'approximation', title: 'It is translated, and alerts can differ'},
  both: {tone: 'partial', label: 'holes and approximations', title: 'Some leave a part of the search out, others translate it so that alerts can differ'},
} as const

interface KindProps {
  migrationID: string
  k: CauseKind
  most: number
  open: boolean
  onToggle: () => void
  onDone: () => void
}

function Kind({migrationID, k, most, open, onToggle, onDone}: KindProps) {
  const what = sort(k)
  const items = itemCount(k.code, k.items)
  return (
    <li class={`cause${open ? ' open' : ''}`}>
      <div class="cause-row">
        <button type="button" class="cause-what" aria-expanded={open} onClick={onToggle}>
          <Icon name="chevron" class="icon turn" />
          <span class="cause-words">
            <span class="cause-line">
              <span class="cause-name">{k.title}</span>
              <Badge tone={sorts[what].tone} title={sorts[what].title}>{sorts[what].label}</Badge>
              {items ? <span class="muted small">{items}</span> : null}
            </span>
            <span class="cause-do">{k.remedy === 'define' ? <span class="cause-fix">Can be given here. </span> : null}<Said text={k.do} /></span>
          </span>
        </button>
        <a class="cause-n" href={href(['m', migrationID, 'rules'], {cause: k.code})}>
          <span class="cause-bar" aria-hidden="true"><span class={`fill-${what === 'approximation' ? 'approximations' : 'partial'}`} style={{width: `${k.rules / most * 100}%`}} /></span>
          <b>{num(k.rules)}</b><span class="cause-unit"> {k.rules === 1 ? 'rule' : 'rules'}</span><span class="visually-hidden"> with {k.title}</span>
        </a>
        <span class="cause-alone">{num(k.sole)}<span class="cause-unit"> alone</span></span>
      </div>
      {open ? <Items migrationID={migrationID} k={k} onDone={onDone} /> : null}
    </li>
  )
}

/** The causes of a kind. One that needs no telling apart is open at once. */
function Items({migrationID, k, onDone}: {migrationID: string; k: CauseKind; onDone: () => void}) {
  const [all, setAll] = useState(false)
  const single = k.items.length === 1 ? k.items[0] : undefined
  const [open, setOpen] = useState<string | undefined>(single?.key)
  const shown = all ? k.items : k.items.slice(0, firstItems)
  return (
    <div class="cause-body">
      <ul class="cause-items" aria-label={k.title}>
        {shown.map(i => <Item key={i.key} migrationID={migrationID} k={k} i={i} open={open === i.key} onToggle={() => setOpen(open === i.key ? undefined : i.key)} onDone={onDone} />)}
      </ul>
      <div class="row">
        <a class="button small default" href={href(['m', migrationID, 'rules'], {cause: k.code})}>Show {k.rules === 1 ? 'the rule' : `the ${num(k.rules)} rules`}</a>
        {k.items.length > firstItems ? <Button small kind="quiet" onClick={() => setAll(!all)}>{all ? `The first ${firstItems}` : `All ${num(k.items.length)}`}</Button> : null}
      </div>
    </div>
  )
}

function Item({migrationID, k, i, open, onToggle, onDone}: {migrationID: string; k: CauseKind; i: CauseItem; open: boolean; onToggle: () => void; onDone: () => void}) {
  const kind = settledBy(k.code, i.subject)
  const s = subject(i.subject ?? '')
  const where = i.commands ?? []
  return (
    <li class="cause-item">
      <div class="cause-item-row">
        <button type="button" class="cause-item-name" aria-expanded={open} onClick={onToggle}>
          <Icon name="chevron" class="icon turn" />
          <span class="cause-line">
            {s.text ? <>{s.macro ? <span class="muted small">macro</span> : null}<code>{s.text}</code></> : <span>{unnamed(k.code)}</span>}
            {where.length > 0 ? <span class="muted small">in {where.slice(0, 3).join(', ')}{where.length > 3 ? ` and ${where.length - 3} more` : ''}</span> : null}
            {sort(k) === 'both' ? <Badge tone={i.severity === 'error' ? 'untranslatable' : 'approximations'}>{i.severity === 'error' ? 'hole' : 'approximation'}</Badge> : null}
            {kind && !open ? <span class="cause-fix">can be given here</span> : null}
          </span>
        </button>
        <a class="cause-item-n" href={href(['m', migrationID, 'rules'], {cause: i.key})}>{count(i.rules, 'rule')}{i.sole > 0 ? <span class="muted">, {num(i.sole)} alone</span> : null}<span class="visually-hidden"> with {s.text || unnamed(k.code)}</span></a>
      </div>
      {open ? (
        <div class="cause-item-body">
          <p class="cause-example"><Said text={i.example.charAt(0).toUpperCase() + i.example.slice(1)} /></p>
          {kind && i.subject ? <Give migrationID={migrationID} kind={kind} name={s.text} onDone={onDone} /> : null}
        </div>
      ) : null}
    </li>
  )
}
