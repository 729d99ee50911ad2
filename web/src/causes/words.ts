import {num} from '../ui/format'

/** What a kind of cause is, in few words; the reports have the same. */
const names: Record<string, string> = {
  unknown_macro: 'Macro without a definition',
  filter_macro_missing: 'Filter macro without a definition',
  lookup_missing: 'Lookup that is not there',
  lookup_incomplete: 'Lookup with rows missing',
  missing_knowledge: 'Event type or tag without a definition',
  unknown_field: 'Field without a counterpart',
  unproven_mapping: 'Field not seen in real events',
  mapping_approximate: 'Field mapping that can differ',
  unknown_source: 'Source without a known index',
  source_approximate: 'Source that is not named, or not quite the same',
  unknown_datamodel: 'Data model without a counterpart',
  needs_estate: 'Columns that one data stream lacks',
  no_stream: 'Fields that no data stream has together',
  named_sources_unread: 'Source of the rule that the draft does not read',
  unknown_command: 'Command that is not known',
  unsupported_command: 'Command without a counterpart',
  unsupported_option: 'Option without a counterpart',
  unsupported_function: 'Function without a counterpart',
  unsupported_aggregation: 'Aggregation without a counterpart',
  unsupported_expression: 'Expression that ES|QL cannot say',
  unsupported_regex: 'Regular expression that ES|QL cannot say',
  lookup_unsupported: 'Lookup without a counterpart',
  subsearch: 'Subsearch that cannot be folded in',
  syntax: 'Part that could not be read',
  type_mismatch: 'Types that do not compare',
  too_large: 'Query that is too large',
  too_complex: 'Query that is too complex',
  no_draft: 'Nothing could be written',
  broken_spl: 'SPL that is broken in Splunk too',
  schedule_lost: 'Schedule that Elastic cannot keep',
  schedule_invalid: 'Schedule that cannot be read',
  trigger: 'Trigger condition that the draft does not ask for',
  model_unusable: 'Draft of a model that could not be used',
  needs_target_9: 'Needs a later Elasticsearch',
  internal_error: 'Defect of the compiler',
  lookup_approximate: 'Lookup that can match other rows',
  macro_replaced: 'Macro replaced by the nearest fields',
  regex_differs: 'Regular expression that can match differently',
  window_edges: 'Windows that begin elsewhere',
  transaction_window: 'Transaction as fixed windows',
  order_dependent: 'Result that depends on the order of events',
  truncation: 'Limit that is not reproduced',
  time_rounding: 'Time that rounds differently',
  text_search: 'Keyword searched in the raw event',
  array_approximate: 'Function over several values at once',
  join_approximate: 'Join that can match other rows',
  pivot_approximate: 'Pivot that can have other cells',
  function_differs: 'Function that differs in a corner',
  never_alerts: 'Rule that never alerts, in Splunk either',
  always_present: 'Test for a field that is always there',
  number_text: 'Number used as text',
  operator_order: 'AND and OR without parentheses',
  fill_all: 'fillnull of every field',
  escaped_mark: 'Backslash before a mark',
  dotted_name: 'Name with dots outside quotes',
  statistic_approximate: 'Statistic that is estimated',
  empty_aggregate: 'Aggregate over a field that is missing',
  bin_of_time: 'bin without a field',
}

export function causeName(code: string): string {
  return names[code] ?? code.charAt(0).toUpperCase() + code.slice(1).replaceAll('_', ' ')
}

/** What the items of a kind are, to count them by. */
const things: Record<string, [string, string]> = {
  unknown_field: ['field', 'fields'], unproven_mapping: ['field', 'fields'], mapping_approximate: ['field', 'fields'],
  unknown_macro: ['macro', 'macros'], filter_macro_missing: ['macro', 'macros'], macro_replaced: ['macro', 'macros'],
  lookup_missing: ['lookup', 'lookups'], lookup_incomplete: ['lookup', 'lookups'], lookup_unsupported: ['lookup', 'lookups'], lookup_approximate: ['lookup', 'lookups'],
  unknown_source: ['source', 'sources'], source_approximate: ['source', 'sources'], unknown_datamodel: ['data model', 'data models'],
  unknown_command: ['command', 'commands'], unsupported_command: ['command', 'commands'], needs_target_9: ['command', 'commands'],
  unsupported_function: ['function', 'functions'], unsupported_aggregation: ['aggregation', 'aggregations'],
  missing_knowledge: ['event type or tag', 'event types and tags'], needs_estate: ['data stream', 'data streams'], schedule_lost: ['setting', 'settings'],
}

/** How many items a kind has, such as 206 fields; nothing for one that is about the search as a whole. */
export function itemCount(code: string, items: {subject?: string}[]): string {
  const named = items.filter(i => i.subject).length
  const [one, many] = things[code] ?? ['cause', 'causes']
  return named > 0 ? `${num(named)} ${named === 1 ? one : many}` : ''
}

/** What an item is called where it has no subject: what the search lacks. */
export function unnamed(code: string): string {
  return code === 'source_approximate' ? 'The search names no source' : 'The search as a whole'
}

/** What a person can give to settle a cause: a definition of this kind. */
export function settledBy(code: string, subject?: string): 'macro' | 'lookup' | 'conf' | undefined {
  if (!subject) return undefined
  if (code === 'unknown_macro' || code === 'filter_macro_missing') return 'macro'
  if (code === 'lookup_missing' || code === 'lookup_incomplete') return 'lookup'
  if (code === 'missing_knowledge') return 'conf'
  return undefined
}

/** How many arguments a macro's name says that it takes: 2 for name(2). */
export function arity(name: string): number {
  return Number(/\((\d+)\)$/.exec(name)?.[1] ?? 0)
}
