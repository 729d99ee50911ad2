import './rules.css'
import {useEffect, useMemo, useRef, useState} from 'preact/hooks'
import {useEvents} from '../api/events'
import type {Facets, Reviewed} from '../api/types'
import {useThrottled} from '../load'
import {go, href, type ViewProps} from '../router'
import {may} from '../session'
import {Button, Empty, ErrorState} from '../ui/basic'
import {num} from '../ui/format'
import {Icon} from '../ui/icons'
import {toastError} from '../ui/toast'
import {type VirtualHandle, VirtualList} from '../ui/virtual'
import {RefusedDialog, useReviewActions} from './actions'
import {FacetPanel, filterName, groups} from './facets'
import {activeFilters, clearFilter, type Filter, readFilter, type SortKey, sortBy, writeFilter} from './filter'
import {KeysDialog} from './help'
import {actionOf, listKeys} from './keys'
import {type ListModel, listModel} from './model'
import {rulesWord, type Verdict} from './review'
import {Row} from './row'
import {left} from './selection'

/** The address of the list with a filter, and of a rule within it. */
export function listHref(migration: string, filter: Filter): string {
  const query = writeFilter(filter)
  return href(['m', migration, 'rules']) + (query ? '?' + query : '')
}
export function ruleHref(migration: string, rule: string, filter: Filter, more: Record<string, string> = {}): string {
  const query = new URLSearchParams(writeFilter(filter))
  for (const [k, v] of Object.entries(more)) query.set(k, v)
  const text = query.toString()
  return href(['m', migration, 'rules', rule]) + (text ? '?' + text : '')
}

const columns: {key?: SortKey; name: string; cls: string}[] = [
  {key: 'title', name: 'Title', cls: 'cell-title'},
  {key: 'result', name: 'Result', cls: 'cell-result'},
  {key: 'holes', name: 'Notes', cls: 'cell-notes'},
  {name: 'Sign-off', cls: 'cell-review'},
  {name: 'Data source', cls: 'cell-source'},
  {name: 'MITRE', cls: 'cell-mitre'},
  {key: 'severity', name: 'Severity', cls: 'cell-severity'},
  {key: 'updated_at', name: 'Changed', cls: 'cell-updated'},
]

/** The classes that hide the columns in which no rule of the migration has anything. */
export function emptyColumns(facets: Facets | undefined): string {
  if (!facets) return ''
  const none = (list: unknown[] | null | undefined) => (list?.length ?? 0) === 0
  return (none(facets.techniques) ? ' no-mitre' : '') + (none(facets.sources) ? ' no-sources' : '')
}

const narrow = typeof matchMedia === 'function' ? matchMedia('(max-width: 700px)') : undefined

function useNarrow(): boolean {
  const [is, set] = useState(narrow?.matches ?? false)
  useEffect(() => {
    const read = () => set(narrow?.matches ?? false)
    narrow?.addEventListener('change', read)
    return () => narrow?.removeEventListener('change', read)
  }, [])
  return is
}

/** The rules of a migration: search, filters, order, choice. */
export function RulesView({params, query}: ViewProps) {
  const migration = params['id'] ?? ''
  const text = query.toString()
  const filter = useMemo(() => readFilter(text), [text])
  const model = useMemo(() => listModel(migration, filter), [migration, writeFilter(filter)])
  return <List key={migration} model={model} />
}

function List({model}: {model: ListModel}) {
  const {migration, filter} = model
  const phone = useNarrow()
  const mayWrite = may('operator')
  const handle = useRef<VirtualHandle | null>(null)
  const root = useRef<HTMLDivElement>(null)
  const searchBox = useRef<HTMLInputElement>(null)
  const [help, setHelp] = useState(false)
  const [panel, setPanel] = useState(false)
  model.version.value
  const selection = model.selection.value,
    cursor = model.cursor.value
  const chosen = selection.ids.size

  const change = (next: Filter) => go(listHref(migration, next), true)

  const onReviewed = (r: Reviewed) => {
    model.reviewed(r)
    later()
  }
  const actions = useReviewActions(migration, onReviewed, id => model.at(model.indexOf(id))?.title)
  const later = useThrottled(() => void model.refresh(), 2_000)

  useEvents(e => {
    if (e.kind === 'reset') later()
    else if (e.kind === 'rules' && e.migration_id === migration) later()
  })

  // The first rows; or, when one comes back from a rule, the place that was left, with what changed meanwhile.
  const scroller = () => root.current?.querySelector<HTMLElement>('.rule-list') ?? null
  // The list begins at its top before it is put where it was: that is no look at the first rows.
  const placed = useRef(false)
  useEffect(() => {
    const box = scroller()
    placed.current = true
    if (!model.ready) void model.show(0, 0)
    else {
      if (box) box.scrollTop = model.scroll
      void model.refresh()
    }
    return () => model.stop()
  }, [model])

  // Rows are asked for when the scrolling rests, so that what flies past is not.
  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(resting.current), [model])
  const look = (first: number, last: number) => {
    model.range = [first, last]
    clearTimeout(resting.current)
    resting.current = setTimeout(() => void model.show(first, last), scrollRest)
  }

  const move = (to: number) => {
    const at = Math.max(0, Math.min(to, model.total - 1))
    model.cursor.value = at
    handle.current?.show(at)
    // What Enter means goes with the cursor: a filter that was chosen last would be let go instead of the rule opened.
    if (document.activeElement instanceof HTMLElement && document.activeElement.closest('button, a[href]')) scroller()?.focus({preventScroll: true})
  }
  const open = (index: number, more: Record<string, string> = {}) => {
    const row = model.at(index)
    if (!row) return
    model.cursor.value = index
    model.scroll = scroller()?.scrollTop ?? 0
    go(ruleHref(migration, row.id, filter, more))
  }
  const choose = (index: number, range: boolean) => {
    const row = model.at(index)
    if (!row) return
    model.cursor.value = index
    if (range) void model.extend(row).catch(toastError)
    else model.toggle(row)
  }
  /** The chosen rules, as they were when they were chosen; without any, the one that the keyboard is on. */
  const meant = (): {rule_id: string; revision: number}[] => {
    if (chosen > 0) return [...selection.ids].map(([rule_id, revision]) => ({rule_id, revision}))
    const row = model.at(cursor)
    return row ? [{rule_id: row.id, revision: row.revision}] : []
  }
  const set = async (verdict: Verdict) => {
    const rules = meant()
    if (rules.length === 0) return
    const answer = await actions.set(rules, verdict)
    if (answer && chosen > 0) model.selection.value = left(model.selection.value, answer)
  }

  const act = useRef<(e: KeyboardEvent) => void>(() => {})
  act.current = e => {
    if (document.querySelector('dialog[open]')) return
    const action = actionOf(e, listKeys, mayWrite)
    if (!action) return
    if (action === 'clear' && chosen === 0) return
    e.preventDefault()
    switch (action) {
      case 'next':
        return move(cursor + 1)
      case 'previous':
        return move(cursor - 1)
      case 'first':
        return move(0)
      case 'last':
        return move(model.total - 1)
      case 'open':
        return open(cursor)
      case 'edit':
        return open(cursor, {edit: '1'})
      case 'search': {
        searchBox.current?.focus()
        searchBox.current?.select()
        return
      }
      case 'select':
        return choose(cursor, false)
      case 'range':
        return choose(cursor, true)
      case 'selectAll':
        return void model.selectAll().catch(toastError)
      case 'clear':
        return model.clear()
      case 'accept':
        return void set('accepted')
      case 'reject':
        return void set('rejected')
      case 'reopen':
        return void set('open')
      case 'undo':
        return void actions.undo()
      case 'help':
        return setHelp(true)
    }
  }
  useEffect(() => {
    const press = (e: KeyboardEvent) => act.current(e)
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])

  const all = groups(model.facets.value)
  const active = activeFilters(filter)
  const rowID = (index: number) => `rule-row-${index}`
  const inView = cursor >= model.range[0] && cursor <= model.range[1]

  return (
    <div class="rules-view" ref={root}>
      <div class="rules-bar">
        <Search
          box={searchBox}
          value={filter.q}
          onSearch={q => change({...filter, q})}
          onDown={() => {
            searchBox.current?.blur()
            scroller()?.focus()
          }}
        />
        <Button class="facets-button" icon="filter" aria-expanded={panel} aria-controls="facet-panel" onClick={() => setPanel(!panel)}>
          Filters{active.length > 0 ? ` (${active.length})` : ''}
        </Button>
        <p class="rules-count" role="status">
          {model.ready ? (model.filtered ? `${num(model.total)} of ${rulesWord(model.whole)}` : rulesWord(model.total)) : ''}
        </p>
        <Button kind="quiet" class="keys-button" onClick={() => setHelp(true)} title="Keys (?)">
          Keys
        </Button>
      </div>
      {active.length > 0 ? (
        <div class="active-filters" role="group" aria-label="Filters that are on">
          {active.map(f => (
            <button key={f.key} type="button" class="chip" onClick={() => change({...filter, [f.key]: ''})}>
              <span class="chip-text">{filterName(f.key, f.value, all)}</span>
              <Icon name="close" />
              <span class="visually-hidden">Remove</span>
            </button>
          ))}
          <Button small kind="quiet" onClick={() => change(clearFilter(filter))}>
            Clear all
          </Button>
        </div>
      ) : null}
      <div class="rules-body">
        <aside id="facet-panel" class={`facet-panel${panel ? ' open' : ''}`} aria-label="Filters">
          <FacetPanel
            facets={model.facets.value}
            filter={filter}
            onChange={f => {
              change(f)
              if (phone) setPanel(false)
            }}
          />
        </aside>
        <div class="rules-main">
          {chosen > 0 ? (
            <div class="bulk" role="toolbar" aria-label="Chosen rules">
              <strong>{rulesWord(chosen)} chosen</strong>
              {mayWrite ? (
                <>
                  <Button small kind="primary" icon="check" onClick={() => void set('accepted')}>
                    Accept
                  </Button>
                  <Button small icon="close" onClick={() => void set('rejected')}>
                    Reject
                  </Button>
                  <Button small onClick={() => void set('open')}>
                    Reopen
                  </Button>
                  <Button
                    small
                    icon="retry"
                    why={chosen > maxRetry ? `At most ${num(maxRetry)} rules at once` : undefined}
                    onClick={() => void actions.retry(meant())}
                  >
                    Translate again
                  </Button>
                </>
              ) : null}
              {chosen < model.total ? (
                <Button small kind="quiet" onClick={() => void model.selectAll().catch(toastError)}>
                  Choose all {num(model.total)} that match
                </Button>
              ) : null}
              <Button small kind="quiet" onClick={() => model.clear()}>
                Choose none
              </Button>
            </div>
          ) : null}
          {model.error && !model.ready ? (
            <ErrorState error={model.error} retry={() => void model.show(0, 0)} />
          ) : model.ready && model.total === 0 ? (
            <NothingHere filtered={model.filtered} onClear={() => change(clearFilter(filter))} />
          ) : (
            <VirtualList
              key={writeFilter(filter)}
              class={`rule-list${emptyColumns(model.facets.value)}`}
              count={model.ready ? model.total : 12}
              rowHeight={phone ? 64 : 44}
              handle={handle}
              onRange={(first, last) => {
                if (model.ready && placed.current) look(first, last)
              }}
              head={
                <Head
                  filter={filter}
                  onSort={key => change(sortBy(filter, key))}
                  chosen={chosen}
                  total={model.total}
                  onAll={() => {
                    if (chosen > 0) model.clear()
                    else void model.selectAll().catch(toastError)
                  }}
                />
              }
              headHeight={phone ? 0 : 36}
              attrs={{
                role: 'grid',
                tabIndex: 0,
                'aria-label': 'Rules',
                'aria-rowcount': model.total + 1,
                'aria-multiselectable': true,
                'aria-busy': !model.ready,
                'aria-activedescendant': model.ready && inView ? rowID(cursor) : undefined,
                onScroll: e => {
                  model.scroll = e.currentTarget.scrollTop
                },
              }}
              row={i => {
                const row = model.at(i)
                return (
                  <Row
                    key={i}
                    id={rowID(i)}
                    index={i}
                    row={row}
                    href={row ? ruleHref(migration, row.id, filter) : '#'}
                    cursor={i === cursor}
                    chosen={row ? selection.ids.has(row.id) : false}
                    onOpen={() => open(i)}
                    onChoose={range => choose(i, range)}
                  />
                )
              }}
            />
          )}
          {model.error && model.ready ? (
            <ErrorState title="Some rows could not be read" error={model.error} retry={() => void model.show(...model.range)} />
          ) : null}
        </div>
      </div>
      {help ? <KeysDialog bindings={listKeys} mayWrite={mayWrite} onClose={() => setHelp(false)} /> : null}
      {actions.refused ? (
        <RefusedDialog
          refused={actions.refused}
          titleOf={id => model.at(model.indexOf(id))?.title ?? id}
          hrefOf={id => ruleHref(migration, id, filter)}
          onClose={actions.closeRefused}
        />
      ) : null}
    </div>
  )
}

/** How long the scrolling must rest before rows are asked for, in milliseconds. */
const scrollRest = 60

/** The most rules that one start names. */
const maxRetry = 5_000

function Head({filter, onSort, chosen, total, onAll}: {filter: Filter; onSort: (key: SortKey) => void; chosen: number; total: number; onAll: () => void}) {
  return (
    <div role="row" aria-rowindex={1} class="rule-head-row">
      <div role="columnheader" class="cell-choose">
        <button
          type="button"
          class={`tick${chosen > 0 && chosen === total ? ' on' : chosen > 0 ? ' some' : ''}`}
          aria-label={chosen > 0 ? 'Choose none' : 'Choose all that match'}
          onClick={onAll}
        />
      </div>
      {columns.map(c => {
        const sorted = c.key === filter.sort
        const key = c.key
        return (
          <div key={c.name} role="columnheader" class={c.cls} aria-sort={sorted ? (filter.order === 'asc' ? 'ascending' : 'descending') : undefined}>
            {key ? (
              <button type="button" class="sort" onClick={() => onSort(key)}>
                {c.name}
                <span class="sort-mark" aria-hidden="true">
                  {sorted ? (filter.order === 'asc' ? '↑' : '↓') : ''}
                </span>
              </button>
            ) : (
              c.name
            )}
          </div>
        )
      })}
    </div>
  )
}

const typingPause = 250

/** The search. What is typed is asked for when the typing rests, or at Enter. */
function Search({box, value, onSearch, onDown}: {box: {current: HTMLInputElement | null}; value: string; onSearch: (q: string) => void; onDown: () => void}) {
  const [text, setText] = useState(value)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => {
    if (document.activeElement !== box.current) setText(value)
  }, [value])
  useEffect(() => () => clearTimeout(timer.current), [])
  // The filter may be another by the time that the typing rests.
  const search = useRef(onSearch)
  search.current = onSearch
  const ask = (q: string, wait: number) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => search.current(q), wait)
  }
  return (
    <label class="rules-search">
      <Icon name="search" />
      <span class="visually-hidden">Search titles, SPL, ES|QL and ids</span>
      <input
        ref={box}
        type="search"
        value={text}
        placeholder="Search titles, SPL, ES|QL, ids"
        autocomplete="off"
        spellcheck={false}
        onInput={e => {
          setText(e.currentTarget.value)
          ask(e.currentTarget.value, typingPause)
        }}
        onKeyDown={e => {
          if (e.key === 'Enter' || e.key === 'ArrowDown') {
            e.preventDefault()
            ask(e.currentTarget.value, 0)
            onDown()
          }
          if (e.key === 'Escape') {
            if (e.currentTarget.value) {
              setText('')
              ask('', 0)
            } else box.current?.blur()
          }
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  )
}

function NothingHere({filtered, onClear}: {filtered: boolean; onClear: () => void}) {
  if (filtered)
    return (
      <Empty icon="filter" title="No rule matches" action={<Button onClick={onClear}>Clear all filters</Button>}>
        Take a filter away, or search for less.
      </Empty>
    )
  return (
    <Empty icon="file" title="No rules yet">
      Add rules to this migration on its overview.
    </Empty>
  )
}
