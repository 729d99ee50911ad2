import {describe, expect, it} from 'vitest'
import {anonymized} from './mask'

describe('anonymized', () => {
  const names = {'host-a1-1': 'web-1', 'host-a1-2': 'web-1.corp.example', 'user-b2-1': 'ana', 'odd-c3-1': 'a.c (x)'}

  it('puts every value back into its token, the longest first', () => {
    expect(anonymized('ana on web-1.corp.example and web-1, a.c (x)!', names)).toBe('user-b2-1 on host-a1-2 and host-a1-1, odd-c3-1!')
  })

  it('leaves parts of other words, and text that only looks like a pattern', () => {
    expect(anonymized('banana, anabel and abc (x)', names)).toBe('banana, anabel and abc (x)')
  })

  it('is the text itself without replacements', () => {
    expect(anonymized('web-1', {})).toBe('web-1')
    expect(anonymized('x', {'t-1': ''})).toBe('x')
  })
})
