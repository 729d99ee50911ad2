// What a pane of a rule shows beside its text: the stages with their numbers, the notes at their places. Loaded with CodeMirror.
import {type Extension, type Range, StateEffect, StateField} from '@codemirror/state'
import {Decoration, type DecorationSet, EditorView, hoverTooltip, WidgetType} from '@codemirror/view'
import type {StageRange} from './stages'

export interface NoteRange {
  from: number
  to: number
  severity: string
  text: string
}

export interface Annotations {
  stages: readonly StageRange[]
  /** Where a new line is shown that the text does not have. */
  breaks: readonly number[]
  notes: readonly NoteRange[]
  /** The stage that is lit. */
  lit: number | null
  /** The place that a note points to. */
  shown: {from: number; to: number} | null
}

export const nothingToShow: Annotations = {stages: [], breaks: [], notes: [], lit: null, shown: null}

const setAnnotations = StateEffect.define<Annotations>()

class Badge extends WidgetType {
  constructor(
    private readonly n: number,
    private readonly lit: boolean,
  ) {
    super()
  }
  override eq(other: Badge): boolean {
    return other.n === this.n && other.lit === this.lit
  }
  toDOM(): HTMLElement {
    const span = document.createElement('span')
    span.className = this.lit ? 'stage-n lit' : 'stage-n'
    span.textContent = String(this.n + 1)
    span.setAttribute('aria-hidden', 'true')
    return span
  }
}

class Break extends WidgetType {
  override eq(): boolean {
    return true
  }
  override get lineBreaks(): number {
    return 1
  }
  toDOM(): HTMLElement {
    const span = document.createElement('span')
    span.append(document.createElement('br'))
    span.setAttribute('aria-hidden', 'true')
    return span
  }
}

function build(a: Annotations, length: number): DecorationSet {
  const list: Range<Decoration>[] = []
  const inside = (n: number) => Math.max(0, Math.min(n, length))
  const first = new Set<number>()
  for (const at of a.breaks) list.push(Decoration.widget({widget: new Break(), side: -2}).range(inside(at)))
  for (const s of a.stages) {
    const lit = s.stage === a.lit
    if (!first.has(s.stage) || lit) list.push(Decoration.widget({widget: new Badge(s.stage, lit), side: -1}).range(inside(s.from)))
    first.add(s.stage)
    if (lit && inside(s.to) > inside(s.from)) list.push(Decoration.mark({class: 'stage-lit'}).range(inside(s.from), inside(s.to)))
  }
  for (const n of a.notes)
    if (inside(n.to) > inside(n.from)) list.push(Decoration.mark({class: `note-at note-at-${n.severity}`}).range(inside(n.from), inside(n.to)))
  if (a.shown && inside(a.shown.to) > inside(a.shown.from)) list.push(Decoration.mark({class: 'place-shown'}).range(inside(a.shown.from), inside(a.shown.to)))
  return Decoration.set(list, true)
}

const field = StateField.define<{annotations: Annotations; set: DecorationSet}>({
  create: () => ({annotations: nothingToShow, set: Decoration.none}),
  update(value, tr) {
    let next = tr.docChanged ? {...value, set: value.set.map(tr.changes)} : value
    for (const e of tr.effects) if (e.is(setAnnotations)) next = {annotations: e.value, set: build(e.value, tr.state.doc.length)}
    return next
  },
  provide: f => EditorView.decorations.from(f, v => v.set),
})

/** The notes at a place, as a tooltip. */
const tooltip = hoverTooltip((view, pos) => {
  const here = view.state.field(field).annotations.notes.filter(n => n.from <= pos && pos <= n.to)
  const first = here[0]
  if (!first) return null
  return {
    pos: Math.min(...here.map(n => n.from)),
    above: true,
    create: () => {
      const dom = document.createElement('div')
      dom.className = 'note-tip'
      for (const n of here.slice(0, 4)) {
        const p = document.createElement('p')
        p.className = `note-tip-${n.severity}`
        p.textContent = n.text
        dom.append(p)
      }
      return {dom}
    },
  }
})

export const annotations: Extension = [field, tooltip]

export function annotate(view: EditorView, a: Annotations): void {
  view.dispatch({effects: setAnnotations.of(a)})
}

/** Brings a range into view. */
export function reveal(view: EditorView, from: number, to: number): void {
  const end = view.state.doc.length
  view.dispatch({effects: EditorView.scrollIntoView(Math.min(from, end), {y: 'nearest', yMargin: 24})})
  if (to > from) view.dispatch({effects: EditorView.scrollIntoView(Math.min(to, end), {y: 'nearest', yMargin: 8})})
  view.dispatch({effects: EditorView.scrollIntoView(Math.min(from, end), {y: 'nearest', yMargin: 24})})
}
