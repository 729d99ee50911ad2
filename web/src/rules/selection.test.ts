import {describe, expect, it} from 'vitest'
import {all, type Chosen, extend, left, nothing, seen, type Selection, slice, toggle} from './selection'

const rule = (id: string, revision = 1): Chosen => ({id, revision})
const list = ['a', 'b', 'c', 'd', 'e'].map(id => rule(id))
const between = (from: string, to: string) => slice(list, from, to)
const ids = (s: Selection) => [...s.ids.keys()]

describe('selection', () => {
  it('toggles, and keeps what was', () => {
    const one = toggle(nothing, rule('b'))
    expect(ids(one)).toEqual(['b'])
    expect(ids(toggle(one, rule('d')))).toEqual(['b', 'd'])
    expect(ids(toggle(one, rule('b')))).toEqual([])
    expect(ids(nothing)).toEqual([])
  })
  it('draws a range in both directions, again and again from its anchor', () => {
    const anchored = toggle(nothing, rule('c'))
    expect(ids(extend(anchored, rule('e'), between))).toEqual(['c', 'd', 'e'])
    expect(ids(extend(anchored, rule('a'), between)).sort()).toEqual(['a', 'b', 'c'])
    const twice = extend(extend(anchored, rule('d'), between), rule('b'), between)
    expect(ids(twice).sort()).toEqual(['b', 'c', 'd'])
    expect(twice.anchor).toBe('c')
  })
  it('without an anchor takes the rule alone', () => {
    expect(ids(extend(nothing, rule('d'), between))).toEqual(['d'])
    expect(ids(extend(toggle(nothing, rule('gone')), rule('d'), between))).toEqual(['gone', 'd'])
  })
  it('takes all', () => {
    expect(all(list).ids.size).toBe(5)
    expect(all([]).anchor).toBeNull()
  })
  it('keeps the revision that was seen, until the person sees a newer one', () => {
    const chosen = all([rule('a', 3), rule('b', 5)])
    expect([...seen(chosen, [rule('a', 4), rule('b', 2), rule('z', 9)]).ids]).toEqual([['a', 4], ['b', 5]])
    expect(seen(chosen, [rule('z', 9)])).toBe(chosen)
  })
  it('keeps what was refused; who was told of a newer state may decide again', () => {
    const chosen = all([rule('a', 3), rule('b', 5), rule('c', 7), rule('later', 1)])
    const rest = left(chosen, {changed: [{rule_id: 'a'}], refused: [{rule_id: 'b', revision: 6}, {rule_id: 'c'}, {rule_id: 'z', revision: 2}]})
    expect([...rest.ids]).toEqual([['b', 6], ['c', 7], ['later', 1]])
  })
})
