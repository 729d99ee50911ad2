import {computed, signal} from '@preact/signals'
import {api, P, request} from './api/client'
import type {Role, Session} from './api/types'

export const session = signal<Session | undefined>(undefined)

const rank: Record<Role, number> = {reader: 0, operator: 1, admin: 2}

/** Whether the caller's role reaches so far. Without a role (authentication is off) everything is allowed. */
export function may(role: Role): boolean {
  const s = session.value
  if (!s) return false
  if (!s.auth) return true
  return (rank[s.user.role] ?? 0) >= rank[role]
}

export const me = computed(() => session.value?.user.name ?? '')

export async function loadSession(signal?: AbortSignal): Promise<void> {
  session.value = await api.get<Session>(P + '/session', undefined, signal)
}

/** Whether the gateway knows a key; an error says why not. */
export async function tryKey(key: string): Promise<void> {
  await request('GET', P + '/session', undefined, {headers: {Authorization: 'ApiKey ' + key}})
}

/** The page of a migration's workflow in the Temporal UI, where there is one. */
export function workflowLink(migrationID: string): string | undefined {
  const ui = session.value?.temporal_ui
  if (!ui) return undefined
  return `${ui.address.replace(/\/$/, '')}/namespaces/${encodeURIComponent(ui.namespace)}/workflows/${encodeURIComponent('migration-' + migrationID)}`
}
