import {signal} from '@preact/signals'
import {api, of} from '../api/client'
import type {Facets, RowIds, RuleRow, Rows} from '../api/types'
import {type Filter, filterKeys, idsQuery, rowsQuery, writeFilter} from './filter'
import {Pages, pageSize} from './pages'
import {all, extend, nothing, type Selection, slice, toggle} from './selection'

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
  private ids: Promise<string[]> | undefined

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
    this.ids = undefined
    return this.pages.refresh(...this.range)
  }

  stop(): void {
    this.pages.stop()
  }

  change(id: string, change: (row: RuleRow) => RuleRow): void {
    this.pages.replace(id, change)
  }

  /** The ids of all rules that match, in the order of the list: one call, kept until the list is read anew. */
  allIds(): Promise<string[]> {
    const call = (this.ids ??= api.get<RowIds>(of(this.migration, '/rows/ids'), query(idsQuery(this.filter))).then(a => a.ids))
    call.catch(() => {
      if (this.ids === call) this.ids = undefined
    })
    return call
  }

  toggle(id: string): void {
    this.selection.value = toggle(this.selection.value, id)
  }

  clear(): void {
    this.selection.value = nothing
  }

  async selectAll(): Promise<void> {
    this.selection.value = all(await this.allIds())
  }

  /** Chooses from the anchor to a row; rows between that have not come are asked for by their ids alone. */
  async extend(id: string): Promise<void> {
    const anchor = this.selection.value.anchor ?? id
    const a = this.indexOf(anchor),
      b = this.indexOf(id)
    const ids: string[] = []
    for (let i = Math.min(a, b); a >= 0 && b >= 0 && i <= Math.max(a, b); i++) {
      const row = this.at(i)
      if (row) ids.push(row.id)
    }
    const whole = ids.length === Math.abs(a - b) + 1 ? ids : await this.allIds()
    this.selection.value = extend(this.selection.value, id, (from, to) => slice(whole, from, to))
  }

  /** The place of a rule in the list, -1 when it is not in it, and the ids before and after it. */
  async around(id: string): Promise<{at: number; total: number; before?: string; after?: string}> {
    const at = this.indexOf(id)
    const before = this.at(at - 1)?.id,
      after = this.at(at + 1)?.id
    if (at >= 0 && (before || at === 0) && (after || at === this.total - 1)) return {at, total: this.total, before, after}
    const ids = await this.allIds()
    const place = ids.indexOf(id)
    return place < 0 ? {at: -1, total: ids.length} : {at: place, total: ids.length, before: ids[place - 1], after: ids[place + 1]}
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
