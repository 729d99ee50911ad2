import {computed, signal} from '@preact/signals'
import {api, B, of} from '../api/client'
import type {LiveEvent} from '../api/events'
import type {Migration, Stats} from '../api/types'

/** The migrations, as last read; undefined until then. */
export const migrations = signal<Migration[] | undefined>(undefined)

export const byID = computed(() => new Map((migrations.value ?? []).map(m => [m.id, m])))

export async function load(signal?: AbortSignal): Promise<void> {
  migrations.value = await api.get<Migration[]>(B + '/migrations', undefined, signal)
}

/** A migration with what its newest stats say. */
export function withStats(m: Migration, s: Stats): Migration {
  const {park_reason: _, ...rest} = m
  return {...rest, state: s.status, rules: s.rules, total: s.rules.total, last_updated_at: s.last_updated_at, ...(s.park_reason ? {park_reason: s.park_reason} : {})}
}

/** Takes an event over; true when the list has to be read anew. */
export function take(e: LiveEvent): boolean {
  const list = migrations.value
  if (!list) return false
  switch (e.kind) {
    case 'reset':
      return true
    case 'deleted':
      migrations.value = list.filter(m => m.id !== e.migration_id)
      return false
    case 'stats': {
      const at = list.findIndex(m => m.id === e.stats.migration_id)
      const m = list[at]
      if (!m) return true
      migrations.value = list.with(at, withStats(m, e.stats))
      // What the rules came to is not among the stats.
      return m.state === 'running' && e.stats.status !== 'running' || m.rules.finished !== e.stats.rules.finished
    }
    case 'rules':
      return false
  }
}

export interface StartOptions {
  retry?: boolean
  retry_filter?: {failed?: boolean; not_fully_translated?: boolean; ids?: string[]; resources?: string[]}
}

/** Starts a migration, or goes on with it; false when it ran already or there was nothing to do. */
export async function start(id: string, connectorId: string, o: StartOptions = {}): Promise<boolean> {
  return (await api.put<{started: boolean}>(of(id, '/start'), {connectorId, ...o})).started
}

export async function stop(id: string): Promise<boolean> {
  return (await api.put<{stopped: boolean}>(of(id, '/stop'))).stopped
}

export async function rename(id: string, name: string): Promise<void> {
  await api.patch(of(id), {name})
}

export async function remove(id: string): Promise<void> {
  await api.delete(of(id))
  migrations.value = migrations.value?.filter(m => m.id !== id)
}
