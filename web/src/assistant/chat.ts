import {A, ApiError, api, request} from '../api/client'
import {readEvents} from '../api/sse'
import type {Answered, Conversation} from '../api/types'

export interface Turn {
  role: 'user' | 'assistant'
  /** With real names. */
  content: string
  /** Of an answer. */
  notes?: string[]
  trace?: Answered['trace']
  /** While it comes. */
  open?: boolean
  /** Why there is no whole answer. */
  failed?: string
}

export interface Settings {
  connector: string
  alerts: boolean
  knowledge: boolean
  /** How many alerts a tool gives at most, 10 to 100. */
  size: number
  indices: string
}

export const leastSize = 10
export const mostSize = 100

export function clampSize(n: number): number {
  return Number.isFinite(n) ? Math.min(mostSize, Math.max(leastSize, Math.round(n))) : 20
}

/** The body of a question. A saved conversation keeps its own turns and replacements. */
export function body(turns: Turn[], s: Settings, replacements: Record<string, string>, conversation?: string): Record<string, unknown> {
  const last = turns.filter(t => !t.failed && !t.open)
  const messages = (conversation ? last.slice(-1) : last).map(t => ({role: t.role, content: t.content}))
  return {
    params: {subAction: 'invokeStream', subActionParams: {messages}},
    isEnabledRAGAlerts: s.alerts,
    isEnabledKnowledgeBase: s.knowledge,
    ...(s.alerts ? {alertsIndexPattern: s.indices, size: s.size} : {}),
    ...(conversation ? {conversationId: conversation} : {replacements}),
    trace: true,
  }
}

/** Asks, and calls piece with each part of the answer as it comes. */
export async function ask(connector: string, question: Record<string, unknown>, piece: (text: string) => void, signal: AbortSignal): Promise<Answered> {
  const res = await request('POST', `${A}/actions/connector/${encodeURIComponent(connector)}/_execute`, question, {signal, headers: {Accept: 'text/event-stream'}})
  if (!res.headers.get('Content-Type')?.startsWith('text/event-stream') || !res.body) return await res.json() as Answered
  let done: Answered | undefined
  let failed: ApiError | undefined
  await readEvents(res.body, e => {
    const d = JSON.parse(e.data) as Record<string, unknown>
    if (e.event === 'content' && typeof d['payload'] === 'string') piece(d['payload'])
    else if (e.event === 'done') done = d as unknown as Answered
    else if (e.event === 'error') failed = new ApiError(Number(d['statusCode']) || 500, String(d['message'] ?? 'The answer broke off.'))
  })
  if (failed) throw failed
  if (!done) throw new ApiError(0, 'The answer broke off before its end. Ask again.')
  return done
}

export const conversations = {
  list: (signal: AbortSignal) => api.get<Conversation[]>(A + '/conversations', undefined, signal),
  get: (id: string, signal?: AbortSignal) => api.get<Conversation>(`${A}/conversations/${encodeURIComponent(id)}`, undefined, signal),
  create: (title: string, connectorId: string) => api.post<Conversation>(A + '/conversations', {title, connectorId}),
  remove: (id: string) => api.delete<{deleted: boolean}>(`${A}/conversations/${encodeURIComponent(id)}`),
}

/** The tools that an answer was made with, each with the number of alerts that it gave. */
export function used(trace: Answered['trace']): {tool: string; args?: string; alerts?: number}[] {
  return (trace?.steps ?? []).filter(s => s['name'] !== 'model').map(s => ({
    tool: String(s['name'] ?? ''), args: typeof s['args'] === 'string' ? s['args'] : undefined, alerts: typeof s['alerts'] === 'number' ? s['alerts'] : undefined,
  }))
}
