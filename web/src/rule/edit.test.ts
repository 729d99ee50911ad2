import {describe, expect, it} from 'vitest'
import type {Rule} from '../api/types'
import {beginEdit, changedFields, clashes, faults, fieldsOf, keepEdit, keptEdit, onTopOf, saveBody, setField, unsaved, upTo} from './edit'

const rule = (revision: number, query: string, more: object = {}): Rule =>
  ({
    id: 'r',
    revision,
    original_rule: {title: 'Old'},
    elastic_rule: {title: 'T', query, severity: 'low', risk_score: 21, interval: '5m', from: 'now-10m', ...more},
  }) as unknown as Rule

describe('a change', () => {
  it('writes what was changed and the revision that it began with', () => {
    const edit = setField(setField(beginEdit(rule(4, 'FROM a')), 'query', 'FROM b'), 'severity', 'low')
    expect(changedFields(edit)).toEqual(['query'])
    expect(saveBody('r', edit)).toEqual({rule_id: 'r', revision: 4, elastic_rule: {query: 'FROM b'}})
  })
  it('is not outdated by what leaves the fields as they were, such as a comment', () => {
    const mine = setField(beginEdit(rule(4, 'FROM a')), 'query', 'FROM b')
    expect(upTo(mine, rule(5, 'FROM a')).revision).toBe(5)
    expect(upTo(mine, rule(5, 'FROM a')).fields).toBe(mine.fields)
    expect(upTo(mine, rule(5, 'FROM theirs'))).toBe(mine)
    expect(upTo(mine, rule(5, 'FROM a', {severity: 'high'}))).toBe(mine)
    expect(upTo(mine, rule(3, 'FROM a'))).toBe(mine)
  })
  it('goes on top of another change without losing it', () => {
    const mine = setField(beginEdit(rule(4, 'FROM a')), 'query', 'FROM mine')
    const theirs = rule(5, 'FROM theirs', {severity: 'critical'})
    const both = onTopOf(mine, theirs)
    expect(both.fields).toMatchObject({query: 'FROM mine', severity: 'critical'})
    expect(saveBody('r', both)).toEqual({rule_id: 'r', revision: 5, elastic_rule: {query: 'FROM mine'}})
    expect(clashes(mine, theirs)).toEqual(['query'])
    expect(clashes(mine, rule(5, 'FROM a', {severity: 'critical'}))).toEqual([])
    expect(clashes(mine, rule(5, 'FROM mine'))).toEqual([])
  })
  it('can begin without a translation', () => {
    expect(fieldsOf({...rule(1, ''), elastic_rule: undefined})).toMatchObject({query: '', title: 'Old', severity: 'medium'})
  })
  it('is kept while it is unsaved, and only then', () => {
    const begun = beginEdit(rule(1, 'FROM a'))
    keepEdit('m', 'r', begun)
    expect(unsaved()).toBe(0)
    const edit = setField(begun, 'title', 'x')
    keepEdit('m', 'r', edit)
    expect(keptEdit('m', 'r')).toBe(edit)
    expect(keptEdit('m', 'other')).toBeUndefined()
    keepEdit('m', 'r', undefined)
    expect(unsaved()).toBe(0)
  })
  it('says what is wrong with what was changed, and leaves what was there', () => {
    const base = fieldsOf(rule(1, 'FROM a'))
    const wrong = (change: object) => Object.keys(faults({base, fields: {...base, ...change}}))
    expect(wrong({})).toEqual([])
    expect(wrong({title: ' ', risk_score: 101, interval: '5', from: '10m'})).toEqual(['title', 'risk_score', 'interval', 'from'])
    expect(wrong({risk_score: NaN})).toEqual(['risk_score'])
    expect(wrong({interval: '', from: ''})).toEqual([])
    expect(wrong({interval: '1h', from: 'now-1d/d'})).toEqual([])
    const odd = {...base, from: 'now-1y'}
    expect(faults({base: odd, fields: {...odd, title: 'x'}})).toEqual({})
  })
})
