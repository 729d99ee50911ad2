import {describe, expect, it} from 'vitest'
import {all, extend, nothing, slice, toggle} from './selection'

const list = ['a', 'b', 'c', 'd', 'e']
const between = (from: string, to: string) => slice(list, from, to)

describe('selection', () => {
  it('toggles, and keeps what was', () => {
    const one = toggle(nothing, 'b')
    expect([...one.ids]).toEqual(['b'])
    expect([...toggle(one, 'd').ids]).toEqual(['b', 'd'])
    expect([...toggle(one, 'b').ids]).toEqual([])
    expect([...nothing.ids]).toEqual([])
  })
  it('draws a range in both directions, again and again from its anchor', () => {
    const anchored = toggle(nothing, 'c')
    expect([...extend(anchored, 'e', between).ids]).toEqual(['c', 'd', 'e'])
    expect([...extend(anchored, 'a', between).ids].sort()).toEqual(['a', 'b', 'c'])
    const twice = extend(extend(anchored, 'd', between), 'b', between)
    expect([...twice.ids].sort()).toEqual(['b', 'c', 'd'])
    expect(twice.anchor).toBe('c')
  })
  it('without an anchor takes the rule alone', () => {
    expect([...extend(nothing, 'd', between).ids]).toEqual(['d'])
    expect(slice(list, 'gone', 'd')).toEqual(['d'])
  })
  it('takes all', () => {
    expect(all(list).ids.size).toBe(5)
    expect(all([]).anchor).toBeNull()
  })
})
