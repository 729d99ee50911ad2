import {signal} from '@preact/signals'
import {isAbort} from '../api/client'
import type {Checked, Problem} from '../api/types'
import {count} from '../ui/format'

export type CheckState = {kind: 'idle'} | {kind: 'checking'; last?: Checked} | {kind: 'done'; last: Checked} | {kind: 'failed'; error: unknown; last?: Checked}

/** Those problems that keep a query from running. */
export function errorsOf(problems: readonly Problem[] = []): Problem[] {
  return problems.filter(p => p.severity === 'error')
}

/** What was found, in numbers; empty when nothing was. */
export function foundWords(problems: readonly Problem[] = []): string {
  const errors = errorsOf(problems).length,
    warnings = problems.length - errors
  return [errors > 0 ? count(errors, 'error') : '', warnings > 0 ? count(warnings, 'warning') : ''].filter(Boolean).join(' and ')
}

export type Check = (query: string, signal: AbortSignal) => Promise<Checked>

/** How long the typing must rest before a query is checked, in milliseconds. */
export const restBeforeCheck = 350

/** Checks a query while it is typed: only the newest text, only when the typing rests; older calls are aborted. */
export class LiveCheck {
  readonly state = signal<CheckState>({kind: 'idle'})
  /** The query that the last answer is about. */
  checked: string | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private flight: AbortController | undefined
  private asked: string | undefined

  constructor(
    private readonly check: Check,
    private readonly rest = restBeforeCheck,
  ) {}

  ask(query: string): void {
    if (query === this.asked) return
    this.cancel()
    this.asked = query
    if (query.trim() === '') {
      this.checked = query
      this.state.value = {kind: 'done', last: {problems: []}}
      return
    }
    this.state.value = {kind: 'checking', last: last(this.state.value)}
    this.timer = setTimeout(() => void this.run(query), this.rest)
  }

  /** Asks about the same query again, such as after the gateway was away. */
  again(): void {
    const query = this.asked
    this.asked = undefined
    if (query !== undefined) this.ask(query)
  }

  /** What is found in a query, asked for at once where it is not known. */
  async of(query: string): Promise<Checked> {
    const state = this.state.value
    if (query.trim() === '') return {problems: []}
    if (state.kind === 'done' && this.checked === query) return state.last
    return this.check(query, new AbortController().signal)
  }

  stop(): void {
    this.cancel()
    this.asked = undefined
    this.state.value = {kind: 'idle'}
  }

  private cancel(): void {
    clearTimeout(this.timer)
    this.flight?.abort()
    this.flight = undefined
  }

  private async run(query: string): Promise<void> {
    const flight = (this.flight = new AbortController())
    try {
      const answer = await this.check(query, flight.signal)
      if (flight !== this.flight) return
      this.checked = query
      this.state.value = {kind: 'done', last: answer}
    } catch (error) {
      if (flight !== this.flight || isAbort(error)) return
      this.state.value = {kind: 'failed', error, last: last(this.state.value)}
    }
  }
}

function last(state: CheckState): Checked | undefined {
  return state.kind === 'idle' ? undefined : state.last
}
