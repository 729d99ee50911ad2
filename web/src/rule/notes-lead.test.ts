import {expect, it} from 'vitest'
import {orderNotes} from './notes'
import {leading, leadNotes} from './notes-lead'

it('puts the worst notes above the queries, and nothing that only follows or changes no row', () => {
  const note = (severity: string, code: string, column: number) => ({severity: severity as 'error', code, message: code, start: {line: 1, column}, end: {line: 1, column}})
  const codes = (...notes: ReturnType<typeof note>[]) => leading(orderNotes(notes)).map(n => n.code)
  expect(codes(note('info', 'i', 1), note('approximation', 'a', 2), note('error', 'depends_on_hole', 3), note('error', 'e', 4))).toEqual(['e', 'a'])
  expect(codes(note('info', 'i', 1))).toEqual([])
  expect(codes(...[1, 2, 3, 4].map(n => note('error', `e${n}`, n)))).toEqual(['e1', 'e2', 'e3', 'e4'].slice(0, leadNotes))
})
