// The shapes of the gateway's answers, as openapi.yaml gives them.

export type State = 'creating' | 'ready' | 'running' | 'stopped' | 'finished'
export type Status = 'pending' | 'processing' | 'finished' | 'error'
export type Result = 'full' | 'partial' | 'untranslatable'
export type Role = 'reader' | 'operator' | 'admin'
export type Severity = 'info' | 'approximation' | 'error'
export type ReviewState = 'open' | 'accepted' | 'rejected' | 'installed'
export type Verification = 'passed' | 'unknown_index' | 'unknown_field' | 'failed' | 'not_run'

export interface Session {
  user: {name: string; role: Role}
  /** Whether the gateway asks who calls. */
  auth: boolean
  version: string
  compiler_version: string
  features: {migrations: boolean; assistant: boolean}
  connectors: {id: string; kind: string}[]
  kibanas: string[]
  /** Whether an Elasticsearch is configured. */
  elasticsearch: boolean
  places: {name: string; where: string}[]
  temporal_ui: {address: string; namespace: string} | null
}

export interface Counts {
  total: number
  finished: number
  pending: number
  processing: number
  failed: number
}

export interface Stats {
  migration_id?: string
  status: State
  rules: Counts
  last_updated_at: string
  park_reason?: string
  /** Rules in error by their code. */
  errors?: Record<string, number>
}

export interface Migration {
  id: string
  name: string
  state: State
  total: number
  connector_id?: string
  created_at: string
  created_by: string
  last_updated_at: string
  park_reason?: string
  error?: string
  rules: Counts
  /** matched: those among them whose place a prebuilt rule takes. */
  results?: Record<Result, number> & {matched: number}
}

export interface Position {
  line: number
  column: number
}

export interface Diagnostic {
  code: string
  severity: Severity
  message: string
  start: Position
  end: Position
  command?: string
  subject?: string
}

export interface Match {
  rule_id: string
  name: string
  score: number
  why?: string
}

export interface OriginalRule {
  id: string
  vendor: 'splunk'
  title?: string | null
  description?: string | null
  query: string
  query_language: 'spl'
  mitre_attack_ids?: string[] | null
  severity?: string | null
  risk_score?: number | null
  earliest_time?: string | null
  latest_time?: string | null
  cron_schedule?: string | null
  trigger?: string | null
  suppress_fields?: string[]
  suppress_period?: string | null
  note?: string | null
  references?: string[] | null
  actions?: string[]
  app?: string | null
  owner?: string | null
  disabled?: boolean | null
}

export interface ElasticRule {
  title: string
  description?: string
  severity?: string
  risk_score?: number
  query: string
  query_language: string
  index: string[] | null
  prebuilt_rule_id?: string
  threat?: Record<string, unknown>[]
  interval?: string
  from?: string
  threshold?: Record<string, unknown>
  suppression?: Record<string, unknown>
  max_signals?: number
  lookup_indices?: Record<string, unknown>[]
}

export interface Comment {
  message: string
  created_at: string
  created_by: string
}

export interface HistoryEntry {
  at: string
  by: string
  action: string
  detail?: string
  earlier?: Earlier
}

/** What a rule had come to before it was translated again. */
export interface Earlier {
  status: Status
  translation_result?: Result
  error_code?: string
  query?: string
  prebuilt_rule_id?: string
  codes?: string[]
  updated_at: string
}

/** Something that happened to a rule: a step of its history, or a comment. */
export interface RuleEvent extends HistoryEntry {
  /** Its number, from 1 for the first. */
  n: number
  /** What was remarked. */
  message?: string
}

/** What happened to a rule, newest first: a page of it. */
export interface RuleHistory {
  total: number
  events: RuleEvent[]
}

export interface Review {
  state: Exclude<ReviewState, 'open'>
  by: string
  at: string
}

export interface Rule {
  '@timestamp': string
  id: string
  migration_id: string
  created_by: string
  original_rule: OriginalRule
  elastic_rule?: ElasticRule
  compiled_rule?: ElasticRule
  compiler_version?: string
  translation_result?: Result
  verification?: Verification
  matched_rule?: Match
  near_rules: Match[]
  status: Status
  error_code?: string
  /** The newest ones; comments_total is how many there are. */
  comments: Comment[]
  comments_total?: number
  diagnostics: Diagnostic[]
  missing?: MissingName[]
  history: HistoryEntry[]
  updated_at: string
  updated_by: string
  /** Grows with every stored change. */
  revision: number
  /** Absent means open. */
  review?: Review
  edited?: {by: string; at: string}
  /** The query as the compiler, or the match, left it; there when a person edited. */
  draft?: ElasticRule
}

export interface RuleRow {
  id: string
  title: string
  status: Status
  translation_result?: Result
  error_code?: string
  /** The name of the prebuilt rule that takes its place. */
  matched_rule?: string
  /** How many near prebuilt rules there are. */
  near: number
  holes: number
  approximations: number
  causes: string[]
  sources: string[]
  tactics: string[]
  techniques: string[]
  severity?: string
  review: ReviewState
  edited?: {by: string; at: string}
  app?: string
  disabled?: boolean
  revision: number
  updated_at: string
  updated_by: string
}

export interface CauseFacet {
  key: string
  /** Names what it is about, whatever the command, in filters of rules. */
  item: string
  code: string
  severity: Severity
  command?: string
  subject?: string
  example: string
  /** How many rules have it, and how many have no other. */
  rules: number
  sole: number
}

export interface NamedCount {
  id?: string
  name: string
  rules: number
}

export interface Facets {
  status: Record<string, number>
  result: Record<string, number>
  review: Record<string, number>
  matched: Record<string, number>
  /** Rules that people changed, by who. */
  edited?: Record<string, number>
  causes: CauseFacet[]
  sources: NamedCount[]
  tactics: NamedCount[]
  techniques: NamedCount[]
  apps: NamedCount[]
}

export interface Rows {
  total: number
  offset: number
  rows: RuleRow[]
  facets?: Facets
  as_of: string
}

export interface RowIds {
  total: number
  ids: string[]
  /** Of each id, at the same place, as the listing knows it. */
  revisions: number[]
}

/** The place of a rule in a list, and which to go on with. */
export interface Around {
  total: number
  /** From 0; -1: the rule is not in the list, and has the neighbours that it would have. */
  at: number
  before?: string
  after?: string
  /** How many other rules of the list are still to be decided about. */
  open: number
  next_open?: string
}

export interface Stage {
  command: string
  spl: {start: Position; end: Position; text: string}
  esql: {start: Position; end: Position; text: string}[]
  /** Indices into the rule's diagnostics. */
  notes: number[]
}

export interface Stages {
  stages: Stage[]
  compiler_version: string
  /** Whether the query that is shown is the one that the stages belong to. */
  current: boolean
}

export interface ReviewChange {
  rule_id: string
  /** In which the person saw the rule. A later change of somebody else is told, not overwritten. */
  revision: number
  state: 'open' | 'accepted' | 'rejected'
}

export interface Reviewed {
  changed: {rule_id: string; revision: number; state: ReviewState; previous: ReviewState}[]
  refused: {rule_id: string; why: string; by?: string; at?: string; revision?: number}[]
}

export interface Problem {
  severity: 'error' | 'warning'
  message: string
  start: Position
  end: Position
}

export interface Checked {
  problems: Problem[]
  cluster?: {
    state: 'passed' | 'failed' | 'unknown_index' | 'unknown_field' | 'not_configured' | 'unreachable'
    message: string
  }
}

export interface Table {
  columns: (string | {name: string; type?: string})[]
  rows: unknown[][]
  truncated: boolean
  error?: string
}

export interface Tried {
  spl: Table & {notes?: string[]}
  esql: Table & {state: 'ran' | 'not_configured' | 'failed'}
}

export interface Prebuilt {
  rule_id: string
  name: string
  description: string
  query: string
  language: string
  index?: string[]
  severity: string
  threat?: Record<string, unknown>[]
  version: number
}

export type ResourceType = 'macro' | 'lookup' | 'eventtype' | 'tag' | 'props' | 'datamodel'

export interface Resource {
  type: ResourceType
  /** A macro with arguments carries their number: name(2). */
  name: string
  definition?: string
  arguments?: string[]
  columns?: string[]
  rows?: Record<string, unknown>[]
}

export interface ResourceInfo {
  type: ResourceType
  name: string
  arguments?: string[]
  columns?: string[]
  rows: number
  /** False: kept, and not used by translations yet. */
  used: boolean
}

export interface Concerns {
  total: number
  rule_ids: string[]
}

export interface ImportItem {
  file: string
  line?: number
  element?: number
  kind: string
  name: string
  outcome: 'taken' | 'skipped' | 'error' | 'known'
  why?: string
}

export interface Imported {
  migration_id: string
  added: number
  upserted: number
  disabled: number
  counts: {kind: string; outcome: ImportItem['outcome']; n: number}[]
  items: ImportItem[]
  concerns: Concerns
}

export interface SourceNeed {
  pattern: string
  rules: number
  present: 'yes' | 'no' | 'unknown'
}

/** What became of a rule; every rule is in one class. */
export type Class = 'full' | 'matched' | 'approximations' | 'partial' | 'untranslatable' | 'error' | 'waiting'

export interface Breakdown {
  id?: string
  name: string
  rules: number
  by: Partial<Record<Class, number>>
}

export interface MissingName {
  kind: 'macro' | 'lookup' | 'datamodel'
  name: string
}


export type Remedy = 'define' | 'map' | 'rewrite' | 'review' | 'upgrade' | 'report'

/** The causes of one code: what they are, what to do, and how many rules they hold back. */
export interface CauseKind {
  /** Also names the kind in filters of rules. */
  code: string
  title: string
  remedy: Remedy
  do: string
  holes: number
  approximations: number
  /** How many rules have such a cause, and how many have none of another kind. */
  rules: number
  sole: number
  /** Best first. */
  items: CauseItem[]
}

/** One thing that holds rules back, whatever the commands it stands in. */
export interface CauseItem {
  /** Names it in filters of rules. */
  key: string
  severity: Severity
  subject?: string
  commands?: string[]
  rules: number
  sole: number
  example: string
}

export interface Report {
  migration_id: string
  name?: string
  state: State
  park_reason?: string
  connector_id?: string
  generated_at: string
  statuses: Counts
  results: Record<Result, number>
  matched: Record<Result, number> & {total: number}
  near: number
  full_or_approximations_only: number
  verification: Partial<Record<Verification, number>> | null
  classes: Partial<Record<Class, number>> | null
  by_source: Breakdown[] | null
  by_app?: Breakdown[]
  mitre: {
    tactics: Breakdown[] | null
    techniques?: (Breakdown & {tactics: string[]})[] | null
    techniques_before: number
    techniques_after: number
    unknown: NamedCount[] | null
  }
  compiler_versions: NamedCount[] | null
  errors: NamedCount[] | null
  cause_kinds: CauseKind[] | null
  causes_by_command: NamedCount[] | null
  missing: (MissingName & {rules: number; known?: boolean})[] | null
  lookup_indices: {name: string; rows: number; rules: number; conflicts?: unknown[]}[] | null
}

export type InstallPhase = 'check' | 'prebuilt' | 'custom' | 'enable' | 'done'

/** Which rules an export or an installation takes: all with a query that nobody rejected, or accepted ones. */
export type Take = 'all' | 'accepted'

/** Rules that are left out, by reason. */
export type LeftOutBy = Record<string, number>

export interface ExportCounts {
  all: number
  partial: number
  accepted: number
  accepted_partial: number
  left_out: LeftOutBy
}

export interface InstallStatus {
  kibana: string
  running: boolean
  phase: InstallPhase
  code?: 'unavailable' | 'credential' | 'redirect' | 'not_kibana' | 'refused' | 'unknown_kibana' | 'gone' | 'store' | 'internal' | 'cancelled'
  counts: Record<'created' | 'updated' | 'unchanged' | 'kept' | 'prebuilt' | 'left_out' | 'failed' | 'enabled', number>
  left_out_by?: LeftOutBy
  failures?: {rule_id: string; code: 'refused' | 'server_error' | 'unknown_prebuilt' | 'lookup'; status?: number; why?: string}[]
}

export interface PlannedRule {
  id: string
  rule_id: string
  title: string
  kind: 'custom' | 'prebuilt' | 'nothing'
  outcome: 'created' | 'updated' | 'unchanged' | 'kept' | 'left_out'
  why?: string
  changes?: {setting: string; there: unknown; here: unknown}[]
}

export interface InstallPlan {
  kibana: string
  lacks: {kind: 'stream' | 'field' | 'lookup'; name: string; rules: number; creates?: boolean; rows?: number}[]
  rules: PlannedRule[]
  left_out?: LeftOutBy
}

export interface Conversation {
  id: string
  owner?: string
  title: string
  connector_id?: string
  created_at: string
  updated_at: string
  /** How many there are. */
  messages: number
  turns?: {role: string; content: string}[]
  replacements?: Record<string, string>
}

export interface FieldSetting {
  field: string
  allowed: boolean
  anonymized: boolean
  set_by?: string
  set_at?: string
}

export interface TraceStep {
  kind?: string
  tool?: string
  [name: string]: unknown
}

export interface Answered {
  status: 'ok'
  connector_id: string
  data: string
  replacements: Record<string, string>
  notes?: string[]
  trace?: {
    offered: string[] | null
    left_out: {tool: string; why: string}[] | null
    steps: TraceStep[]
    as_of: string
  }
}
