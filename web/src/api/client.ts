import {signal} from '@preact/signals'

/** Where the API of migrations is, P what only the page needs, and the assistant. */
export const B = '/internal/siem_migrations/rules'
export const P = '/internal/rulebridge'
export const A = '/internal/elastic_assistant'

/** An answer that is an error, or none at all (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Of a conflict: who changed it, when, and what the stored revision is. */
    readonly conflict: {by?: string; at?: string; revision?: number} = {},
  ) {
    super(message)
    this.name = 'ApiError'
  }

  /** Whether the gateway, or something before it, is away; it may come back. */
  get away(): boolean {
    return this.status === 0 || this.status === 502 && this.message === gone || this.status === 504 && this.message === gone
  }
}

const gone = 'The gateway does not answer.'

export function isAbort(err: unknown): boolean {
  return err instanceof DOMException && err.name === 'AbortError'
}

export function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}

/** The API key that the user gave; kept in memory only. Without one the browser's own credentials count. */
export const apiKey = signal('')

/** Whether the last call found the gateway. */
export const reachable = signal(true)

function meta(name: string): string {
  return document.querySelector(`meta[name="${name}"]`)?.getAttribute('content') ?? ''
}

/** The path that all routes stand beneath; empty where they stand at the root. */
export function basePath(): string {
  const base = meta('rulebridge-base')
  return base.startsWith('{{') ? '' : base.replace(/\/$/, '')
}

/** The nonce of styles that are made in the page. */
export function nonce(): string {
  return meta('rulebridge-nonce')
}

export type Query = Record<string, string | number | boolean | undefined | null>

/** A path with its query; members without a value are left out. */
export function url(path: string, query: Query = {}): string {
  const q = new URLSearchParams()
  for (const [k, v] of Object.entries(query)) if (v !== undefined && v !== null && v !== '') q.set(k, String(v))
  const text = q.toString()
  return basePath() + path + (text ? '?' + text : '')
}

export interface Options {
  query?: Query
  signal?: AbortSignal
  headers?: Record<string, string>
}

/** The headers of every call. */
export function headers(write: boolean, more: Record<string, string> = {}): Record<string, string> {
  const h: Record<string, string> = {}
  if (write) h['kbn-xsrf'] = 'rulebridge'
  if (apiKey.value) h['Authorization'] = 'ApiKey ' + apiKey.value
  return {...h, ...more}
}

/** One call. Nothing is tried again: a write may have been done. */
export async function request(method: string, path: string, body?: unknown, o: Options = {}): Promise<Response> {
  const init: RequestInit = {method, headers: headers(method !== 'GET', o.headers), credentials: 'same-origin', cache: 'no-store'}
  if (o.signal) init.signal = o.signal
  if (body instanceof FormData || body instanceof Blob) init.body = body
  else if (body !== undefined) {
    init.body = JSON.stringify(body)
    ;(init.headers as Record<string, string>)['Content-Type'] = 'application/json'
  }
  let res: Response
  try {
    res = await fetch(url(path, o.query), init)
  } catch (err) {
    if (isAbort(err)) throw err
    reachable.value = false
    throw new ApiError(0, gone)
  }
  if (res.ok) {
    reachable.value = true
    return res
  }
  throw await errorOf(res)
}

/** The error that an answer carries. */
export async function errorOf(res: Response): Promise<ApiError> {
  try {
    const e = await res.json() as {message?: string; by?: string; at?: string; revision?: number}
    if (e.message) {
      reachable.value = true
      return new ApiError(res.status, e.message, {by: e.by, at: e.at, revision: e.revision})
    }
  } catch {
    // Not the gateway's own answer: something before it spoke.
  }
  if (res.status >= 502 && res.status <= 504) {
    reachable.value = false
    return new ApiError(res.status, gone)
  }
  return new ApiError(res.status, `The gateway answered with status ${res.status}.`)
}

async function json<T>(method: string, path: string, body?: unknown, o?: Options): Promise<T> {
  const res = await request(method, path, body, o)
  if (res.status === 204) throw new ApiError(404, 'There is no such migration; it may have been deleted.')
  return await res.json() as T
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => json<T>('GET', path, undefined, {query, signal}),
  post: <T>(path: string, body?: unknown, o?: Options) => json<T>('POST', path, body, o),
  put: <T>(path: string, body?: unknown, o?: Options) => json<T>('PUT', path, body, o),
  patch: <T>(path: string, body?: unknown, o?: Options) => json<T>('PATCH', path, body, o),
  delete: <T>(path: string, o?: Options) => json<T>('DELETE', path, undefined, o),
}

/** The path of a migration, or of something beneath it. */
export function of(migrationID: string, rest = ''): string {
  return `${B}/${encodeURIComponent(migrationID)}${rest}`
}

/** Fetches a file and hands it to the browser's downloads: a link would lack the API key. */
export async function download(path: string, query: Query, name: string, signal?: AbortSignal): Promise<void> {
  const res = await request('GET', path, undefined, {query, signal})
  if (res.status === 204) throw new ApiError(404, 'There is no such migration; it may have been deleted.')
  const href = URL.createObjectURL(await res.blob())
  const a = document.createElement('a')
  a.href = href
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
}
