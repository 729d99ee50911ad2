import {EditorState} from '@codemirror/state'
import {EditorView} from '@codemirror/view'
import {afterEach, expect, it} from 'vitest'
import {annotate, annotations, nothingToShow} from './annotate'

let view: EditorView
afterEach(() => view.destroy())

const open = (doc: string) => {
  view = new EditorView({parent: document.body, state: EditorState.create({doc, extensions: [annotations]})})
  return view.contentDOM
}
const texts = (dom: HTMLElement, selector: string) => [...dom.querySelectorAll(selector)].map(e => e.textContent)

it('numbers the stages, lights one, and underlines notes', () => {
  const text = 'index=a | stats count'
  const dom = open(text)
  const stages = [{from: 0, to: 7, stage: 0}, {from: 10, to: 21, stage: 1}]
  annotate(view, {stages, breaks: [8], notes: [{from: 10, to: 15, severity: 'error', text: 'x'}], lit: 1, shown: {from: 0, to: 5}})
  expect(texts(dom, '.stage-n')).toEqual(['1', '2'])
  expect(texts(dom, '.stage-n.lit')).toEqual(['2'])
  expect(texts(dom, '.stage-lit').join('')).toBe('stats count')
  expect(texts(dom, '.note-at-error')).toEqual(['stats'])
  expect(texts(dom, '.place-shown')).toEqual(['index'])
  expect(dom.querySelectorAll('br').length).toBe(1)
  expect(view.state.doc.toString()).toBe(text)
  annotate(view, {...nothingToShow, stages})
  expect(dom.querySelectorAll('.stage-lit, .note-at, .place-shown').length).toBe(0)
})

it('stays within a text that became shorter', () => {
  const dom = open('abc')
  annotate(view, {stages: [{from: 1, to: 99, stage: 0}], breaks: [50], notes: [{from: 80, to: 90, severity: 'info', text: 'x'}], lit: 0, shown: {from: 4, to: 5}})
  expect(texts(dom, '.stage-lit').join('')).toBe('bc')
  view.dispatch({changes: {from: 0, to: 3}})
  expect(view.state.doc.length).toBe(0)
})
