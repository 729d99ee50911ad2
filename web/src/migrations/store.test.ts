import {beforeEach, describe, expect, it} from 'vitest'
import type {Migration, Stats} from '../api/types'
import {migrations, take} from './store'

const counts = (finished: number) => ({total: 10, finished, pending: 10 - finished, processing: 0, failed: 0})
const m: Migration = {id: 'm', name: 'App', state: 'running', total: 10, created_at: '', created_by: 'a', last_updated_at: '', park_reason: 'was', rules: counts(2)}
const stats = (s: Partial<Stats>) => ({kind: 'stats' as const, stats: {migration_id: 'm', status: 'running' as const, rules: counts(2), last_updated_at: 't', ...s}})

beforeEach(() => { migrations.value = [m] })

describe('events', () => {
  it('change what the list shows without reading it', () => {
    expect(take(stats({}))).toBe(false)
    expect(migrations.value?.[0]).toMatchObject({name: 'App', state: 'running', last_updated_at: 't'})
    expect(migrations.value?.[0]).not.toHaveProperty('park_reason')
  })

  it('lead to reading it anew where results have changed, or a migration is new', () => {
    expect(take(stats({rules: counts(5)}))).toBe(true)
    expect(migrations.value?.[0]?.rules.finished).toBe(5)
    expect(take(stats({status: 'finished', rules: counts(5)}))).toBe(true)
    expect(take(stats({migration_id: 'other'}))).toBe(true)
    expect(take({kind: 'reset'})).toBe(true)
  })

  it('take a deleted one out', () => {
    expect(take({kind: 'deleted', migration_id: 'm'})).toBe(false)
    expect(migrations.value).toEqual([])
  })
})
