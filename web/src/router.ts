import {computed, signal} from '@preact/signals'
import type {ComponentType} from 'preact'

/** A place in the page: the part of the address after #. */
export interface Location {
  path: string
  query: URLSearchParams
}

/** What a view gets: the named parts of its pattern, and the query. */
export interface ViewProps {
  params: Record<string, string>
  query: URLSearchParams
}

export interface View {
  /** Such as /m/:id/rules; a part that begins with a colon is a name. */
  pattern: string
  component: ComponentType<ViewProps>
  /** Of a view of a migration: its name among the tabs, and its place there. */
  tab?: {label: string; order: number}
  /** The tab that a view without one stands beneath. */
  under?: string
  /** Of a view that is no migration's: its name in the header. */
  nav?: string
  title: string
  /** Views with the same name here are one that stays while the address changes. */
  stays?: string
}

export function parse(hash: string): Location {
  const text = hash.replace(/^#/, '')
  const at = text.indexOf('?')
  const path = at < 0 ? text : text.slice(0, at)
  return {path: path === '' ? '/' : path, query: new URLSearchParams(at < 0 ? '' : text.slice(at + 1))}
}

/** The parts of a path that a pattern names, or undefined when they do not fit. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split('/')
  const have = path.replace(/(.)\/$/, '$1').split('/')
  if (want.length !== have.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, w] of want.entries()) {
    const h = have[i] ?? ''
    if (w.startsWith(':')) {
      if (h === '') return undefined
      try {
        params[w.slice(1)] = decodeURIComponent(h)
      } catch {
        return undefined
      }
    } else if (w !== h) return undefined
  }
  return params
}

/** An address in the page. Parts are encoded, members of the query without a value left out. */
export function href(parts: string[], query: Record<string, string | number | boolean | undefined> = {}): string {
  const q = new URLSearchParams()
  for (const [k, v] of Object.entries(query)) if (v !== undefined && v !== '') q.set(k, String(v))
  const text = q.toString()
  return '#/' + parts.map(encodeURIComponent).join('/') + (text ? '?' + text : '')
}

export const location = signal<Location>(parse(globalThis.location?.hash ?? ''))

/** Goes to an address that href gave. With replace the browser's way back skips the present one. */
export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, '', to)
  else if (globalThis.location.hash !== to) history.pushState(null, '', to)
  location.value = parse(to)
}

/** Changes members of the query and keeps the others; an empty value removes one. Other views see it as one place. */
export function setQuery(change: Record<string, string | undefined>, replace = true): void {
  const q = new URLSearchParams(location.value.query)
  for (const [k, v] of Object.entries(change)) {
    if (v === undefined || v === '') q.delete(k)
    else q.set(k, v)
  }
  const text = q.toString()
  go('#' + location.value.path + (text ? '?' + text : ''), replace)
}

/** Follows the browser's address. */
export function listen(): void {
  const read = () => { location.value = parse(globalThis.location.hash) }
  addEventListener('hashchange', read)
  addEventListener('popstate', read)
  read()
}

/** The first view that fits. */
export function find(views: View[], path: string): {view: View; params: Record<string, string>} | undefined {
  for (const view of views) {
    const params = match(view.pattern, path)
    if (params) return {view, params}
  }
  return undefined
}

/** The migration of the present place, if it is one's. */
export const currentMigration = computed(() => {
  const parts = location.value.path.split('/')
  return parts[1] === 'm' && parts[2] ? match('/m/:id', `/m/${parts[2]}`)?.['id'] : undefined
})
