import {signal} from '@preact/signals'
import {useEffect, useRef} from 'preact/hooks'
import {B, errorOf, headers, isAbort, reachable, url} from './client'
import {readEvents, type StreamEvent} from './sse'
import type {Stats} from './types'

export type LiveEvent =
  | {kind: 'stats'; stats: Stats & {migration_id: string}}
  | {kind: 'rules'; migration_id: string; changed: string[]; more: boolean}
  | {kind: 'deleted'; migration_id: string}
  /** What was missed is not known: read anew. Also sent when the gateway is back after a break. */
  | {kind: 'reset'}

/** How the connection stands: `away` is said after a failed attempt, `up` from the first word of the server on. */
export const live = signal<'off' | 'connecting' | 'up' | 'away'>('off')

const firstWait = 500
const longestWait = 15_000
/** The server says something every 15 s; a silence of three times that is a dead connection. */
const silence = 45_000

/** An event of the page's stream, or undefined for one that it does not know. */
export function decode(e: StreamEvent): LiveEvent | undefined {
  if (e.event === 'reset') return {kind: 'reset'}
  let d: Record<string, unknown>
  try {
    d = JSON.parse(e.data) as Record<string, unknown>
  } catch {
    return undefined
  }
  const id = typeof d['migration_id'] === 'string' ? d['migration_id'] : ''
  switch (e.event) {
    case 'stats':
      return id ? {kind: 'stats', stats: d as unknown as Stats & {migration_id: string}} : undefined
    case 'rules':
      return {kind: 'rules', migration_id: id, changed: Array.isArray(d['changed']) ? d['changed'] as string[] : [], more: d['more'] === true}
    case 'deleted':
      return {kind: 'deleted', migration_id: id}
  }
  return undefined
}

/** Follows the events of a migration, or of all, until stopped. */
export function follow(migrationID: string | undefined, each: (e: LiveEvent) => void): () => void {
  let stopped = false
  let last = ''
  let wait = firstWait
  let timer: ReturnType<typeof setTimeout> | undefined
  let abort = new AbortController()
  let broken = false
  // Only the newest attempt may plan the next one.
  let attempt = 0

  const again = (mine: number) => {
    if (stopped || mine !== attempt) return
    timer = setTimeout(() => void run(), wait * (0.75 + Math.random() / 2))
    wait = Math.min(wait * 2, longestWait)
  }

  const run = async () => {
    const mine = ++attempt
    const connection = abort = new AbortController()
    let quiet: ReturnType<typeof setTimeout> | undefined
    const heard = () => {
      clearTimeout(quiet)
      quiet = setTimeout(() => connection.abort(), silence)
    }
    try {
      heard()
      const h = headers(false, {Accept: 'text/event-stream'})
      if (last) h['Last-Event-ID'] = last
      if (live.value !== 'away') live.value = 'connecting'
      const res = await fetch(url(B + '/events', {migration_id: migrationID}), {headers: h, signal: connection.signal, credentials: 'same-origin', cache: 'no-store'})
      if (!res.ok || !res.body || res.status === 204) {
        const err = await errorOf(res)
        // A refusal is the gateway's own word: it is there.
        live.value = err.away ? 'away' : 'off'
        broken = true
        if (res.status === 401 || res.status === 403 || res.status === 404 || res.status === 204) wait = longestWait
        again(mine)
        return
      }
      live.value = 'up'
      reachable.value = true
      if (broken && !last) each({kind: 'reset'})
      broken = false
      await readEvents(res.body, e => {
        if (e.id) last = e.id
        wait = firstWait
        const ev = decode(e)
        if (ev?.kind === 'reset') last = ''
        if (ev) each(ev)
      }, heard)
      broken = true
      again(mine)
    } catch (err) {
      if (stopped || mine !== attempt) return
      broken = true
      if (!isAbort(err)) live.value = 'away'
      again(mine)
    } finally {
      clearTimeout(quiet)
    }
  }
  void run()

  // A new look at once when the browser is online again.
  const wake = () => {
    if (stopped || live.value === 'up') return
    clearTimeout(timer)
    abort.abort()
    wait = firstWait
    void run()
  }
  addEventListener('online', wake)
  return () => {
    stopped = true
    live.value = 'off'
    clearTimeout(timer)
    abort.abort()
    removeEventListener('online', wake)
  }
}

const listeners = new Set<(e: LiveEvent) => void>()

/** Hands an event to every view that listens. */
export function publish(e: LiveEvent): void {
  for (const l of [...listeners]) l(e)
}

/** Keeps the page's one stream open: of one migration, or of all. The shell calls it; views use useEvents. */
export function useStream(migrationID: string | undefined, on: boolean): void {
  useEffect(() => on ? follow(migrationID, publish) : undefined, [migrationID, on])
}

/** Calls each with the events of the page's stream while the component is shown. */
export function useEvents(each: (e: LiveEvent) => void): void {
  const latest = useRef(each)
  latest.current = each
  useEffect(() => {
    const l = (e: LiveEvent) => latest.current(e)
    listeners.add(l)
    return () => { listeners.delete(l) }
  }, [])
}
