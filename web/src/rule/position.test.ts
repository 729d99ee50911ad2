import {describe, expect, it} from 'vitest'
import {placeName, Places, shownText} from './position'

describe('places', () => {
  const text = 'index=a\n| eval x="😀é"\n\n| where y'
  it('counts characters, not units', () => {
    const places = new Places(text)
    expect(places.offset({line: 1, column: 1})).toBe(0)
    expect(places.offset({line: 2, column: 1})).toBe(8)
    const emoji = text.indexOf('😀')
    expect(places.offset({line: 2, column: 11})).toBe(emoji)
    expect(places.offset({line: 2, column: 12})).toBe(emoji + 2)
    expect(places.offset({line: 3, column: 1})).toBe(text.indexOf('\n\n') + 1)
  })
  it('goes there and back for each character', () => {
    const places = new Places(text)
    for (let offset = 0; offset <= text.length; offset++) {
      const low = text.charCodeAt(offset)
      if (low >= 0xdc00 && low <= 0xdfff) continue
      expect(places.offset(places.position(offset))).toBe(offset)
    }
  })
  it('stays within the line and the text', () => {
    const places = new Places(text)
    expect(places.offset({line: 1, column: 99})).toBe(7)
    expect(places.offset({line: 99, column: 1})).toBe(text.length)
    expect(places.offset({line: 0, column: 0})).toBe(0)
    expect(places.position(-1)).toEqual({line: 1, column: 1})
  })
  it('shows an empty range as a character', () => {
    const places = new Places('ab')
    expect(places.range({line: 1, column: 1}, {line: 1, column: 1})).toEqual({from: 0, to: 1})
    expect(places.range({line: 1, column: 3}, {line: 1, column: 3})).toEqual({from: 1, to: 2})
    expect(new Places('').range({line: 1, column: 1}, {line: 1, column: 1})).toEqual({from: 0, to: 0})
  })
  it('keeps lines and columns where carriage returns are', () => {
    expect(shownText('a\r\nb\rc')).toBe('a\nb c')
    expect(new Places(shownText('a\r\nb\rc')).offset({line: 2, column: 3})).toBe(4)
  })
  it('names a place', () => {
    expect(placeName({line: 3, column: 5}, {line: 3, column: 19})).toBe('line 3, columns 5 to 18')
    expect(placeName({line: 3, column: 5}, {line: 3, column: 6})).toBe('line 3, column 5')
    expect(placeName({line: 3, column: 5}, {line: 4, column: 1})).toBe('lines 3 to 4')
  })
})
