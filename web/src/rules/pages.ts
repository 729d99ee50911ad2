// Rows of a list that is longer than what is held: pages are fetched as one scrolls to them, each once, and old answers
// never replace newer ones.

export interface Page<Row> {
  total: number
  offset: number
  rows: Row[]
}

export type FetchPage<Row, P extends Page<Row>> = (offset: number, limit: number, first: boolean, signal: AbortSignal) => Promise<P>

/** How many rows one call asks for; the gateway gives 200 at most. */
export const pageSize = 100

export class Pages<Row extends {id: string}, P extends Page<Row>> {
  total = 0
  /** True once the first page has come. */
  ready = false
  error: unknown = null
  private rows = new Map<number, Row>()
  private places = new Map<string, number>()
  private flights = new Map<number, AbortController>()
  private epoch = 0

  constructor(
    private readonly fetchPage: FetchPage<Row, P>,
    /** Called after every change of what is held. */
    private readonly changed: (answer?: P) => void,
  ) {}

  at(index: number): Row | undefined {
    return this.rows.get(index)
  }

  /** The place of a rule among the rows that are held, -1 when it is not. */
  indexOf(id: string): number {
    return this.places.get(id) ?? -1
  }

  /** Fetches what is missing of the rows from first to last, both included. */
  async ensure(first: number, last: number): Promise<void> {
    const calls: Promise<void>[] = []
    const end = this.ready ? Math.min(last, this.total - 1) : last
    for (let page = Math.floor(Math.max(first, 0) / pageSize); page * pageSize <= end; page++) {
      if (!this.flights.has(page) && !this.holds(page)) calls.push(this.load(page, !this.ready && page === 0))
    }
    await Promise.all(calls)
  }

  /** Reads the pages of the rows from first to last anew, without taking away what is shown. Others are forgotten. */
  async refresh(first: number, last: number): Promise<void> {
    this.stop()
    const from = Math.floor(Math.max(first, 0) / pageSize),
      to = Math.floor(Math.max(last, first, 0) / pageSize)
    const calls: Promise<void>[] = []
    for (let page = from; page <= to; page++) calls.push(this.load(page, page === from, page === from ? [from, to] : undefined))
    await Promise.all(calls)
  }

  /** Puts a changed row in the place of the one that is held, if it is held. */
  replace(id: string, change: (row: Row) => Row): void {
    const index = this.places.get(id)
    const row = index === undefined ? undefined : this.rows.get(index)
    if (index === undefined || !row) return
    this.rows.set(index, change(row))
    this.changed()
  }

  /** Ends what is on its way; its answers change nothing. */
  stop(): void {
    this.epoch++
    for (const flight of this.flights.values()) flight.abort()
    this.flights.clear()
  }

  private holds(page: number): boolean {
    if (!this.ready) return false
    const end = Math.min((page + 1) * pageSize, this.total)
    for (let i = page * pageSize; i < end; i++) if (!this.rows.has(i)) return false
    return true
  }

  private async load(page: number, facets: boolean, keep?: [number, number]): Promise<void> {
    const epoch = this.epoch
    const flight = new AbortController()
    this.flights.set(page, flight)
    try {
      const answer = await this.fetchPage(page * pageSize, pageSize, facets, flight.signal)
      if (epoch !== this.epoch) return
      if (keep) this.forgetOutside(keep)
      this.take(page, answer)
      this.error = null
      this.ready = true
      this.flights.delete(page)
      this.changed(answer)
    } catch (error) {
      if (epoch !== this.epoch) return
      this.flights.delete(page)
      this.error = error
      this.changed()
    }
  }

  private take(page: number, answer: P): void {
    this.total = answer.total
    for (let i = page * pageSize; i < (page + 1) * pageSize; i++) this.drop(i)
    answer.rows.forEach((row, i) => {
      const index = answer.offset + i
      const before = this.places.get(row.id)
      if (before !== undefined && before !== index) this.drop(before)
      this.rows.set(index, row)
      this.places.set(row.id, index)
    })
    for (const index of [...this.rows.keys()]) if (index >= this.total) this.drop(index)
  }

  private forgetOutside([from, to]: [number, number]): void {
    for (const index of [...this.rows.keys()]) {
      const page = Math.floor(index / pageSize)
      if (page < from || page > to) this.drop(index)
    }
  }

  private drop(index: number): void {
    const row = this.rows.get(index)
    if (!row) return
    this.rows.delete(index)
    if (this.places.get(row.id) === index) this.places.delete(row.id)
  }
}
