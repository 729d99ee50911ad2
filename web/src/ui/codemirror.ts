// The part of the page that has CodeMirror; loaded when the first editor is shown.
import {defaultKeymap, history, historyKeymap} from '@codemirror/commands'
import {bracketMatching, HighlightStyle, syntaxHighlighting} from '@codemirror/language'
import {lintKeymap, setDiagnostics, type Diagnostic as Lint} from '@codemirror/lint'
import {MergeView, unifiedMergeView} from '@codemirror/merge'
import {highlightSelectionMatches, search, searchKeymap} from '@codemirror/search'
import {Compartment, EditorState, StateEffect, StateField, type Extension, type Text} from '@codemirror/state'
import {Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder, type DecorationSet} from '@codemirror/view'
import {tags} from '@lezer/highlight'
import {nonce} from '../api/client'
import type {Position} from '../api/types'
import {esql, spl} from './languages'

export {Decoration, EditorView, EditorState, StateEffect, StateField, Compartment, MergeView, unifiedMergeView, keymap}

export type Language = 'spl' | 'esql' | 'text'

/** A stretch of text, from a position to the one after its end; lines and columns count from 1. */
export interface Mark {
  start: Position
  end: Position
  class: string
}

export interface Problem {
  start: Position
  end: Position
  severity: 'error' | 'warning' | 'info'
  message: string
}

// Colours come from the page's tokens, so that they follow its theme.
const colours = HighlightStyle.define([
  {tag: tags.keyword, color: 'var(--code-keyword)', fontWeight: '600'},
  {tag: tags.operatorKeyword, color: 'var(--code-keyword)'},
  {tag: tags.operator, color: 'var(--code-operator)'},
  {tag: tags.string, color: 'var(--code-string)'},
  {tag: tags.number, color: 'var(--code-number)'},
  {tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic'},
  {tag: tags.propertyName, color: 'var(--code-name)'},
  {tag: tags.macroName, color: 'var(--code-macro)'},
  {tag: tags.function(tags.variableName), color: 'var(--code-function)'},
])

const look = EditorView.theme({
  '&': {color: 'var(--text)', backgroundColor: 'var(--code-bg)', fontSize: 'var(--code-size)', borderRadius: 'var(--radius)'},
  '&.cm-focused': {outline: '2px solid var(--focus)', outlineOffset: '1px'},
  '.cm-scroller': {fontFamily: 'var(--mono)', lineHeight: '1.55'},
  '.cm-content': {caretColor: 'var(--text)', padding: '8px 0'},
  '.cm-gutters': {backgroundColor: 'transparent', color: 'var(--muted)', border: 'none'},
  '.cm-activeLine, .cm-activeLineGutter': {backgroundColor: 'transparent'},
  '&.cm-focused .cm-activeLine': {backgroundColor: 'var(--code-line)'},
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {backgroundColor: 'var(--code-selection)'},
  '.cm-cursor': {borderLeftColor: 'var(--text)'},
  '.cm-tooltip': {backgroundColor: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--line)', borderRadius: 'var(--radius)'},
  '.cm-panels': {backgroundColor: 'var(--surface)', color: 'var(--text)', borderColor: 'var(--line)'},
  '.cm-searchMatch': {backgroundColor: 'var(--approximations-tint)'},
  '.cm-placeholder': {color: 'var(--muted)'},
})

const setMarks = StateEffect.define<Mark[]>()

/** The place of a position in a text; positions outside are brought in. */
export function offset(doc: Text, p: Position): number {
  const line = doc.line(Math.min(Math.max(p.line, 1), doc.lines))
  // Columns count characters; the editor counts UTF-16 units.
  let at = 0
  for (let n = 1; n < p.column && at < line.length; n++) at += (line.text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
  return line.from + Math.min(at, line.length)
}

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, tr) {
    set = set.map(tr.changes)
    for (const e of tr.effects) {
      if (!e.is(setMarks)) continue
      const ranges = e.value.flatMap(m => {
        const from = offset(tr.state.doc, m.start)
        const to = offset(tr.state.doc, m.end)
        return to > from ? [Decoration.mark({class: m.class}).range(from, to)] : []
      })
      set = Decoration.set(ranges, true)
    }
    return set
  },
  provide: f => EditorView.decorations.from(f),
})

/** What every editor of the page has. */
export function basics(language: Language, readOnly: boolean, label: string): Extension[] {
  const n = nonce()
  return [
    n && !n.startsWith('{{') ? EditorView.cspNonce.of(n) : [],
    look,
    syntaxHighlighting(colours),
    language === 'spl' ? spl : language === 'esql' ? esql : [],
    drawSelection(),
    bracketMatching(),
    highlightSelectionMatches(),
    search({top: true}),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({'aria-label': label, spellcheck: 'false', autocapitalize: 'off', autocorrect: 'off'}),
    marks,
    readOnly
      // Still focusable, so that the keyboard can scroll and select.
      ? [EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.contentAttributes.of({tabindex: '0', role: 'textbox', 'aria-readonly': 'true', 'aria-multiline': 'true'})]
      : [history(), highlightActiveLine(), keymap.of(historyKeymap)],
    // Tab is left to the browser: the keyboard must be able to leave the editor.
    keymap.of([...defaultKeymap.filter(k => k.key !== 'Tab'), ...searchKeymap, ...lintKeymap]),
  ]
}

export interface EditorOptions {
  parent: HTMLElement
  value: string
  language: Language
  label: string
  readOnly?: boolean
  lineNumbers?: boolean
  placeholder?: string
  onChange?: (value: string) => void
  /** Called with the place of the caret or of the mouse; undefined when the mouse leaves. */
  onPoint?: (p: Position | undefined) => void
  extensions?: Extension[]
}

export interface Editor {
  view: EditorView
  setValue: (value: string) => void
  setMarks: (m: Mark[]) => void
  setProblems: (p: Problem[]) => void
  /** Brings a position into view, and the caret there when focus is set. */
  show: (p: Position, focus?: boolean) => void
  destroy: () => void
}

export function createEditor(o: EditorOptions): Editor {
  const point = (view: EditorView, pos: number | null): Position | undefined => {
    if (pos === null) return undefined
    const line = view.state.doc.lineAt(pos)
    return {line: line.number, column: [...line.text.slice(0, pos - line.from)].length + 1}
  }
  const view = new EditorView({
    parent: o.parent,
    state: EditorState.create({
      doc: o.value,
      extensions: [
        ...basics(o.language, o.readOnly ?? false, o.label),
        o.lineNumbers === false ? [] : lineNumbers(),
        o.placeholder ? placeholder(o.placeholder) : [],
        EditorView.updateListener.of(u => {
          if (u.docChanged) o.onChange?.(u.state.doc.toString())
          if (u.selectionSet && u.view.hasFocus) o.onPoint?.(point(u.view, u.state.selection.main.head))
        }),
        EditorView.domEventHandlers({
          mousemove: (e, v) => { o.onPoint?.(point(v, v.posAtCoords({x: e.clientX, y: e.clientY}))) },
          mouseleave: () => { o.onPoint?.(undefined) },
          // Chromium gives what is typed over a selection the look of what it replaces, in a style attribute: the page's content
          // security policy refuses that and says so in the console. So the editor replaces the selection itself.
          beforeinput: (e, v) => {
            if (e.inputType !== 'insertText' || e.isComposing || e.data === null || v.state.readOnly || v.state.selection.main.empty) return false
            e.preventDefault()
            v.dispatch(v.state.replaceSelection(e.data), {userEvent: 'input.type', scrollIntoView: true})
            return true
          },
        }),
        ...o.extensions ?? [],
      ],
    }),
  })
  return {
    view,
    setValue: value => {
      if (value !== view.state.doc.toString()) view.dispatch({changes: {from: 0, to: view.state.doc.length, insert: value}})
    },
    setMarks: m => view.dispatch({effects: setMarks.of(m)}),
    setProblems: list => {
      const lints: Lint[] = list.map(p => {
        const from = offset(view.state.doc, p.start)
        return {from, to: Math.max(offset(view.state.doc, p.end), from), severity: p.severity, message: p.message}
      })
      view.dispatch(setDiagnostics(view.state, lints))
    },
    show: (p, focus) => {
      const at = offset(view.state.doc, p)
      view.dispatch({effects: EditorView.scrollIntoView(at, {y: 'center'}), ...(focus ? {selection: {anchor: at}} : {})})
      if (focus) view.focus()
    },
    destroy: () => view.destroy(),
  }
}

/** Two texts with their differences, side by side or in one column; neither can be edited. */
export function createDiff(o: {parent: HTMLElement; before: string; after: string; language: Language; labels: [string, string]; oneColumn?: boolean}): {destroy: () => void} {
  const extensions = (label: string) => [...basics(o.language, true, label), lineNumbers()]
  const collapseUnchanged = {margin: 3, minSize: 6}
  if (o.oneColumn)
    return new EditorView({
      parent: o.parent, doc: o.after,
      extensions: [...extensions(o.labels.join(' and ')), unifiedMergeView({original: o.before, mergeControls: false, gutter: true, highlightChanges: true, syntaxHighlightDeletions: true, collapseUnchanged})],
    })
  return new MergeView({a: {doc: o.before, extensions: extensions(o.labels[0])}, b: {doc: o.after, extensions: extensions(o.labels[1])}, parent: o.parent, gutter: true, highlightChanges: true, collapseUnchanged})
}
