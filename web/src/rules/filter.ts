// The state of the list as the address has it: what is searched and filtered, and in which order. The names are those of
// the API's query, so that a link from another view (causes, coverage) is the same text.

export const sortKeys = ['title', 'id', 'result', 'holes', 'severity', 'updated_at'] as const
export type SortKey = (typeof sortKeys)[number]
export type Order = 'asc' | 'desc'

/** The filters that take one value each; an empty text means that the filter is off. */
export const filterKeys = ['q', 'status', 'result', 'matched', 'holes', 'cause', 'source', 'tactic', 'technique', 'review', 'edited', 'app'] as const
export type FilterKey = (typeof filterKeys)[number]

export type Filter = Readonly<Record<FilterKey, string> & {sort: SortKey; order: Order}>

export const noFilter: Filter = {
  q: '',
  status: '',
  result: '',
  matched: '',
  holes: '',
  cause: '',
  source: '',
  tactic: '',
  technique: '',
  review: '',
  edited: '',
  app: '',
  sort: 'title',
  order: 'asc',
}

/** What the filters with a fixed set of values take. Another value in an address is left out rather than asked for. */
const known: Partial<Record<FilterKey, readonly string[]>> = {
  status: ['pending', 'processing', 'finished', 'error'],
  result: ['full', 'partial', 'untranslatable'],
  matched: ['yes', 'no', 'near'],
  holes: ['yes', 'no'],
  review: ['open', 'accepted', 'rejected', 'installed'],
  edited: ['yes', 'me'],
}

/** Reads the query part of an address, with or without its question mark. */
export function readFilter(query: string): Filter {
  const params = new URLSearchParams(query)
  const filter: Record<string, string> = {...noFilter}
  for (const key of filterKeys) {
    const value = params.get(key) ?? ''
    const values = known[key]
    if (!values || values.includes(value)) filter[key] = value
  }
  const sort = params.get('sort')
  if (sort && (sortKeys as readonly string[]).includes(sort)) filter['sort'] = sort
  const order = params.get('order')
  filter['order'] = order === 'asc' || order === 'desc' ? order : firstOrder(filter['sort'] as SortKey)
  return filter as unknown as Filter
}

/** Writes the query part of an address, without a question mark; what is off or as at first is left out. */
export function writeFilter(filter: Filter): string {
  const params = filterParams(filter)
  if (filter.sort !== noFilter.sort) params.set('sort', filter.sort)
  if (filter.order !== firstOrder(filter.sort)) params.set('order', filter.order)
  return params.toString()
}

/** The query of `rows/ids`: the filters and the order alone. */
export function idsQuery(filter: Filter): string {
  const params = filterParams(filter)
  params.set('sort', filter.sort)
  params.set('order', filter.order)
  return params.toString()
}

/** The query of `rows` for one page of it. Facets are asked for once a view, with its first page. */
export function rowsQuery(filter: Filter, offset: number, limit: number, facets: boolean): string {
  const params = new URLSearchParams(idsQuery(filter))
  params.set('offset', String(offset))
  params.set('limit', String(limit))
  if (facets) params.set('facets', 'true')
  return params.toString()
}

function filterParams(filter: Filter): URLSearchParams {
  const params = new URLSearchParams()
  for (const key of filterKeys) {
    const value = key === 'q' ? filter.q.trim() : filter[key]
    if (value) params.set(key, value)
  }
  return params
}

/** The order that a column has when it is sorted by for the first time: what needs work, or is new, comes first. */
export function firstOrder(sort: SortKey): Order {
  return sort === 'holes' || sort === 'severity' || sort === 'updated_at' ? 'desc' : 'asc'
}

/** Sorting by a column again turns the order round. */
export function sortBy(filter: Filter, sort: SortKey): Filter {
  if (filter.sort !== sort) return {...filter, sort, order: firstOrder(sort)}
  return {...filter, order: filter.order === 'asc' ? 'desc' : 'asc'}
}

/** Sets a filter, or takes it away where it has that value already. */
export function toggleFilter(filter: Filter, key: FilterKey, value: string): Filter {
  return {...filter, [key]: filter[key] === value ? '' : value}
}

/** The same order without any filter. */
export function clearFilter(filter: Filter): Filter {
  return {...noFilter, sort: filter.sort, order: filter.order}
}

/** The filters that are on, in their order; the search is one of them. */
export function activeFilters(filter: Filter): {key: FilterKey; value: string}[] {
  return filterKeys.filter(key => filter[key].trim() !== '').map(key => ({key, value: filter[key].trim()}))
}

/** The words of a search, each of which must occur. */
export function searchWords(q: string): string[] {
  return q
    .toLowerCase()
    .split(/\s+/)
    .filter(word => word !== '')
}
