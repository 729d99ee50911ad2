import {signal} from '@preact/signals'
import {api, of} from '../api/client'
import type {Around, Facets, Reviewed, RowIds, RuleRow, Rows} from '../api/types'
import {type Filter, filterKeys, idsQuery, rowsQuery, writeFilter} from './filter'
import {Pages, pageSize} from './pages'
import {all, type Chosen, extend, nothing, seen, type Selection, slice, toggle} from './selection'

/** The query text as the client takes it. */
const query = (text: string): Record<string, string> => Object.fromEntries(new URLSearchParams(text))

/** One look at the rules of a migration: a filter, an order, the rows that have come so far, the place and the choice. */
export class ListModel {
  /** Grows with every change of the rows. */
  readonly version = signal(0)
  readonly facets = signal<Facets | undefined>(undefined)
  readonly selection = signal<Selection>(nothing)
  /** The row that the keyboard is on. */
  readonly cursor = signal(0)
  /** How far the list is scrolled, in pixels; kept while a rule is looked at. */
  scroll = 0
  /** The rows in view. */
  range: [number, number] = [0, 0]
  private readonly pages: Pages<RuleRow, Rows>
  private matching: Promise<Chosen[]> | undefined

  constructor(
    readonly migration: string,
    readonly filter: Filter,
    facets?: Facets,
  ) {
    this.facets.value = facets
    this.pages = new Pages<RuleRow, Rows>(
      (offset, limit, first, abort) => api.get<Rows>(of(migration, '/rows'), query(rowsQuery(filter, offset, limit, first)), abort),
      answer => {
        if (answer?.facets) this.facets.value = answer.facets
        if (this.cursor.value >= this.pages.total) this.cursor.value = Math.max(0, this.pages.total - 1)
        this.version.value++
      },
    )
  }

  get total(): number {
    return this.pages.total
  }
  get ready(): boolean {
    return this.pages.ready
  }
  get error(): unknown {
    return this.pages.error
  }

  /** How many rules the migration has. */
  get whole(): number {
    const counts = Object.values(this.facets.value?.status ?? {})
    return Math.max(
      this.total,
      counts.reduce((a, n) => a + n, 0),
    )
  }

  /** Whether any filter is on. */
  get filtered(): boolean {
    return filterKeys.some(k => this.filter[k] !== '')
  }

  at(index: number): RuleRow | undefined {
    return this.pages.at(index)
  }
  indexOf(id: string): number {
    return this.pages.indexOf(id)
  }

  show(first: number, last: number): Promise<void> {
    this.range = [first, last]
    return this.pages.ensure(first, last)
  }

  /** Reads what is in view anew. */
  refresh(): Promise<void> {
    this.matching = undefined
    return this.pages.refresh(...this.range)
  }

  stop(): void {
    this.pages.stop()
  }

  /** Takes what the person did to a rule, or looked at, into its row and into the choice. */
  change(id: string, change: Partial<RuleRow> & {revision: number}): void {
    this.pages.replace(id, row => ({...row, ...change}))
    this.selection.value = seen(this.selection.value, [{id, revision: change.revision}])
  }

  /** Takes what became of a sign-off into the rows and into the choice. */
  reviewed({changed}: Reviewed): void {
    for (const c of changed) this.pages.replace(c.rule_id, row => ({...row, review: c.state, revision: c.revision}))
    this.selection.value = seen(
      this.selection.value,
      changed.map(c => ({id: c.rule_id, revision: c.revision})),
    )
  }

  /** All rules that match, in the order of the list, each as this listing knows it: one call, kept until the list is read anew. */
  all(): Promise<Chosen[]> {
    const call = (this.matching ??= api
      .get<RowIds>(of(this.migration, '/rows/ids'), query(idsQuery(this.filter)))
      .then(a => a.ids.map((id, i) => ({id, revision: a.revisions[i] ?? 1}))))
    call.catch(() => {
      if (this.matching === call) this.matching = undefined
    })
    return call
  }

  toggle(rule: Chosen): void {
    this.selection.value = toggle(this.selection.value, rule)
  }

  clear(): void {
    this.selection.value = nothing
  }

  async selectAll(): Promise<void> {
    this.selection.value = all(await this.all())
  }

  /** Chooses from the anchor to a row; rows between that have not come are asked for by their ids alone. */
  async extend(rule: Chosen): Promise<void> {
    const anchor = this.selection.value.anchor ?? rule.id
    const a = this.indexOf(anchor),
      b = this.indexOf(rule.id)
    const rows: Chosen[] = []
    for (let i = Math.min(a, b); a >= 0 && b >= 0 && i <= Math.max(a, b); i++) {
      const row = this.at(i)
      if (row) rows.push(row)
    }
    const whole = rows.length === Math.abs(a - b) + 1 ? rows : await this.all()
    this.selection.value = extend(this.selection.value, rule, (from, to) => slice(whole, from, to))
  }

  /** The place of a rule in the list, and which to go on with. */
  around(id: string, signal?: AbortSignal): Promise<Around> {
    return api.get<Around>(of(this.migration, '/rows/around'), {...query(idsQuery(this.filter)), rule_id: id}, signal)
  }
}

let last: ListModel | undefined

/** The model of a look at the list. The last one is kept, so that the way back from a rule finds its place again. */
export function listModel(migration: string, filter: Filter): ListModel {
  if (last && last.migration === migration && writeFilter(last.filter) === writeFilter(filter)) return last
  const before = last
  before?.stop()
  last = new ListModel(migration, filter, before?.migration === migration ? before.facets.value : undefined)
  return last
}

/** Forgets the kept list. */
export function forgetList(): void {
  last?.stop()
  last = undefined
}

export {pageSize}
