import {expect, it} from 'vitest'
import {mouseMoves} from './pointer'

it('tells a mouse that moves from one beneath which the page moved', () => {
  const at = (clientX: number, clientY: number) => {
    document.body.dispatchEvent(new MouseEvent('mousemove', {clientX, clientY, bubbles: true}))
    return mouseMoves()
  }
  expect(at(5, 5)).toBe(false) // where it lay when the page came
  expect(at(5, 5)).toBe(false)
  expect(at(6, 5)).toBe(true)
  expect(at(6, 5)).toBe(false)
})
