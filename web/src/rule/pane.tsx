import {useEffect, useRef, useState} from 'preact/hooks'
import type {Editor} from '../ui/code'
import type {Annotations} from './annotate'
import {mouseMoves} from './pointer'
import {stageAt} from './stages'

interface PaneProps {
  text: string
  language: 'spl' | 'esql' | 'text'
  label: string
  annotations: Annotations
  /** Called with the stage beneath the mouse or the caret, null when there is none. */
  onStage: (stage: number | null) => void
  onPin: (stage: number | null) => void
}

/** How long a stage must be lit before the other side scrolls to it, in milliseconds: who only passes over it moves nothing. */
export const restBeforeScroll = 150

type Annotate = typeof import('./annotate')

let loaded: Promise<[typeof import('../ui/codemirror'), Annotate]> | undefined

/** CodeMirror and what is shown over it, loaded once, when the first pane is shown. */
function load(): Promise<[typeof import('../ui/codemirror'), Annotate]> {
  const both = (loaded ??= Promise.all([import('../ui/codemirror'), import('./annotate')]))
  both.catch(() => {
    loaded = undefined
  })
  return both
}

/** A text that is read, with its stages and notes. Until CodeMirror is loaded the text stands there plainly. */
export function Pane({text, language, label, annotations, onStage, onPin}: PaneProps) {
  const box = useRef<HTMLDivElement>(null)
  const made = useRef<{editor: Editor; kit: Annotate} | null>(null)
  const [ready, setReady] = useState(false)
  const latest = useRef({annotations, onStage, onPin, text})
  latest.current = {annotations, onStage, onPin, text}

  useEffect(() => {
    let gone = false
    void load().then(([m, kit]) => {
      if (gone || !box.current) return
      const at = (pos: number | null) => (pos === null ? null : stageAt(latest.current.annotations.stages, pos))
      const editor = m.createEditor({
        parent: box.current,
        value: latest.current.text,
        language,
        label,
        readOnly: true,
        extensions: [
          kit.annotations,
          m.EditorView.updateListener.of(u => {
            if (u.selectionSet && u.view.hasFocus) latest.current.onStage(at(u.state.selection.main.head))
          }),
          m.EditorView.domEventHandlers({
            mousemove: (e, v) => {
              if (mouseMoves()) latest.current.onStage(at(v.posAtCoords({x: e.clientX, y: e.clientY})))
            },
            mouseleave: () => {
              latest.current.onStage(null)
            },
            blur: () => {
              latest.current.onStage(null)
            },
            click: (e, v) => {
              if (v.state.selection.main.empty) latest.current.onPin(at(v.posAtCoords({x: e.clientX, y: e.clientY})))
            },
          }),
        ],
      })
      made.current = {editor, kit}
      setReady(true)
    })
    return () => {
      gone = true
      made.current?.editor.destroy()
      made.current = null
      setReady(false)
    }
  }, [language, label])

  useEffect(() => {
    const m = made.current
    if (!m) return
    m.editor.setValue(text)
    m.kit.annotate(m.editor.view, annotations)
  }, [text, annotations, ready])

  // What is lit or pointed to from elsewhere comes into view.
  const {lit, shown} = annotations
  useEffect(() => {
    const m = made.current
    if (!m) return
    const range = shown ?? (lit === null || box.current?.matches(':hover') ? undefined : annotations.stages.find(s => s.stage === lit))
    if (!range) return
    const timer = setTimeout(() => m.kit.reveal(m.editor.view, range.from, range.to), shown ? 0 : restBeforeScroll)
    return () => clearTimeout(timer)
  }, [lit, shown, ready])

  return (
    <div class="code read-only pane-code">
      <div ref={box} class="code-box" />
      {ready ? null : <pre class="code-plain">{text}</pre>}
    </div>
  )
}
