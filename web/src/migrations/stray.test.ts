import {expect, it} from 'vitest'
import {refuseStrayFiles} from './stray'

function drag(kind: string, types: string[], taken = false): Event & {dataTransfer: {types: string[]; dropEffect: string}} {
  const e = new Event(kind, {cancelable: true})
  if (taken) {
    Object.defineProperty(e, 'defaultPrevented', {value: true})
  }
  return Object.assign(e, {dataTransfer: {types, dropEffect: 'copy'}})
}

it('keeps the page when files are dropped beside every place for them, and leaves alone what a place takes and what is no file', () => {
  const page = new EventTarget()
  refuseStrayFiles(page)

  const over = drag('dragover', ['Files'])
  page.dispatchEvent(over)
  expect([over.defaultPrevented, over.dataTransfer.dropEffect]).toEqual([true, 'none'])

  const drop = drag('drop', ['Files'])
  page.dispatchEvent(drop)
  expect(drop.defaultPrevented).toBe(true)

  const place = drag('dragover', ['Files'], true)
  page.dispatchEvent(place)
  expect(place.dataTransfer.dropEffect).toBe('copy')

  const text = drag('drop', ['text/plain'])
  page.dispatchEvent(text)
  expect(text.defaultPrevented).toBe(false)
})
