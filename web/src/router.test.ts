import {describe, expect, it} from 'vitest'
import {href, match, parse} from './router'

describe('addresses', () => {
  it('take any rule id and give it back', () => {
    for (const id of ['a/b', '100% #?&=', 'ünï ☃', '..', 'x%2Fy']) {
      const to = href(['m', 'M1', 'rules', id], {q: 'a&b', page: 2, none: undefined})
      const {path, query} = parse(to)
      expect(match('/m/:id/rules/:rule', path)).toEqual({id: 'M1', rule: id})
      expect(query.get('q')).toBe('a&b')
      expect(query.get('page')).toBe('2')
      expect(query.has('none')).toBe(false)
    }
  })

  it('fit only patterns of their length, and no broken escapes', () => {
    expect(match('/m/:id', '/m/1/rules')).toBeUndefined()
    expect(match('/m/:id', '/m/')).toBeUndefined()
    expect(match('/m/:id', '/m/%E0%A4%A')).toBeUndefined()
    expect(match('/', '/')).toEqual({})
    expect(parse('').path).toBe('/')
  })
})
