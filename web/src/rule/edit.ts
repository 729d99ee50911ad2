// A person's change of a rule before it is saved. It is kept in memory while one looks elsewhere, and it knows what it began
// with, so that only what was changed is written, and nothing of another person is overwritten.

import type {ElasticRule, Rule} from '../api/types'

export interface Fields {
  query: string
  title: string
  description: string
  severity: string
  risk_score: number
  interval: string
  from: string
}

export const fieldNames: Record<keyof Fields, string> = {
  query: 'Query',
  title: 'Title',
  description: 'Description',
  severity: 'Severity',
  risk_score: 'Risk score',
  interval: 'Runs every',
  from: 'Looks back from',
}

export const severities = ['low', 'medium', 'high', 'critical'] as const

export function fieldsOf(rule: Rule): Fields {
  const e: Partial<ElasticRule> = rule.elastic_rule ?? {}
  return {
    query: e.query ?? '',
    title: e.title ?? rule.original_rule.title ?? '',
    description: e.description ?? '',
    severity: e.severity ?? 'medium',
    risk_score: e.risk_score ?? 47,
    interval: e.interval ?? '',
    from: e.from ?? '',
  }
}

export interface Edit {
  readonly revision: number
  readonly base: Fields
  readonly fields: Fields
}

export function beginEdit(rule: Rule): Edit {
  const base = fieldsOf(rule)
  return {revision: rule.revision, base, fields: base}
}

export function setField<K extends keyof Fields>(edit: Edit, key: K, value: Fields[K]): Edit {
  return {...edit, fields: {...edit.fields, [key]: value}}
}

/**
 * The same change with the revision of a newer state of the rule, where that left the fields as the change began with, as a
 * comment or a sign-off does: nothing of anybody is lost then.
 */
export function upTo(edit: Edit, rule: Rule): Edit {
  const now = fieldsOf(rule)
  const same = (Object.keys(fieldNames) as (keyof Fields)[]).every(k => now[k] === edit.base[k])
  return same && rule.revision > edit.revision ? {...edit, revision: rule.revision} : edit
}

/** The names of what was changed. */
export function changedFields(edit: Edit): (keyof Fields)[] {
  return (Object.keys(fieldNames) as (keyof Fields)[]).filter(k => edit.fields[k] !== edit.base[k])
}

/** What is written: the revision that the change began with, and what was changed. */
export function saveBody(rule: string, edit: Edit): {rule_id: string; revision: number; elastic_rule: Partial<Fields>} {
  return {rule_id: rule, revision: edit.revision, elastic_rule: Object.fromEntries(changedFields(edit).map(k => [k, edit.fields[k]]))}
}

/** The same change on top of what another person stored: what I did not change is theirs. */
export function onTopOf(edit: Edit, theirs: Rule): Edit {
  const base = fieldsOf(theirs)
  const mine = Object.fromEntries(changedFields(edit).map(k => [k, edit.fields[k]]))
  return {revision: theirs.revision, base, fields: {...base, ...mine}}
}

/** What both changed, to different values. */
export function clashes(edit: Edit, theirs: Rule): (keyof Fields)[] {
  const now = fieldsOf(theirs)
  return changedFields(edit).filter(k => now[k] !== edit.base[k] && now[k] !== edit.fields[k])
}

/** What is wrong with what was changed, before it is sent; what was there before is not this person's to mend. */
export function faults({fields, base}: Pick<Edit, 'fields' | 'base'>): Partial<Record<keyof Fields, string>> {
  const f: Partial<Record<keyof Fields, string>> = {}
  if (fields.title.trim() === '') f.title = 'A rule needs a title.'
  if (!Number.isInteger(fields.risk_score) || fields.risk_score < 0 || fields.risk_score > 100) f.risk_score = 'A whole number from 0 to 100.'
  if (fields.interval !== '' && !/^[1-9]\d*[smhd]$/.test(fields.interval)) f.interval = 'A number and a unit: 30s, 5m, 1h or 1d.'
  if (fields.from !== '' && !/^now-[1-9]\d*[smhdwM](\/[smhdwM])?$/.test(fields.from)) f.from = 'now and a time back, such as now-10m.'
  for (const key of Object.keys(f) as (keyof Fields)[]) if (fields[key] === base[key]) delete f[key]
  return f
}

const kept = new Map<string, Edit>()
const keyOf = (migration: string, rule: string) => JSON.stringify([migration, rule])

/** The change that was begun and not saved, if there is one. */
export function keptEdit(migration: string, rule: string): Edit | undefined {
  return kept.get(keyOf(migration, rule))
}

export function keepEdit(migration: string, rule: string, edit: Edit | undefined): void {
  if (edit && changedFields(edit).length > 0) kept.set(keyOf(migration, rule), edit)
  else kept.delete(keyOf(migration, rule))
}

/** How many changes are not saved; the browser asks before it closes the page while there are any. */
export function unsaved(): number {
  return kept.size
}
