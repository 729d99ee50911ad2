import {useEffect, useRef, useState} from 'preact/hooks'
import type {RefObject} from 'preact'
import type {Position} from '../api/types'
import type {Editor, Language, Mark, Problem} from './codemirror'

export type {Editor, Language, Mark, Problem}

interface CodeProps {
  value: string
  language: Language
  /** What the text is, for screen readers. */
  label: string
  readOnly?: boolean
  lineNumbers?: boolean
  placeholder?: string
  onChange?: (value: string) => void
  onPoint?: (p: Position | undefined) => void
  marks?: Mark[]
  problems?: Problem[]
  /** Gets the editor when it is there. */
  editor?: RefObject<Editor | null>
  class?: string
}

/** An editor of SPL, ES|QL or plain text. Until CodeMirror is loaded the text stands there plainly. */
export function Code({value, language, label, readOnly, lineNumbers, placeholder, onChange, onPoint, marks, problems, editor, class: cls}: CodeProps) {
  const box = useRef<HTMLDivElement>(null)
  const made = useRef<Editor | null>(null)
  const [ready, setReady] = useState(false)
  const sent = useRef<string[]>([])
  const setting = useRef(false)
  const latest = useRef({onChange, onPoint, value})
  latest.current = {onChange, onPoint, value}

  useEffect(() => {
    let gone = false
    void import('./codemirror').then(m => {
      if (gone || !box.current) return
      box.current.replaceChildren()
      made.current = m.createEditor({
        parent: box.current, value: latest.current.value, language, label, readOnly, lineNumbers, placeholder,
        onChange: v => {
          if (setting.current) return
          sent.current.push(v)
          latest.current.onChange?.(v)
        },
        onPoint: p => latest.current.onPoint?.(p),
      })
      if (editor) editor.current = made.current
      setReady(true)
    })
    return () => {
      gone = true
      made.current?.destroy()
      made.current = null
      if (editor) editor.current = null
      setReady(false)
    }
  }, [language, label, readOnly, lineNumbers, placeholder])

  // What was typed comes back as the value a moment later, when more may have been typed: it is not set again.
  useEffect(() => {
    const own = sent.current.indexOf(value)
    if (own >= 0) {
      sent.current.splice(0, own + 1)
      return
    }
    sent.current = []
    setting.current = true
    made.current?.setValue(value)
    setting.current = false
  }, [value, ready])
  useEffect(() => { if (marks) made.current?.setMarks(marks) }, [marks, ready])
  useEffect(() => { if (problems) made.current?.setProblems(problems) }, [problems, ready])

  return <div class={`code${readOnly ? ' read-only' : ''}${cls ? ' ' + cls : ''}`}><div ref={box} class="code-box" />{ready ? null : <pre class="code-plain">{value}</pre>}</div>
}

const narrow = typeof matchMedia === 'function' ? matchMedia('(max-width: 700px)') : undefined

/** The differences between two texts: side by side, and where there is no room for two columns in one, what goes before what comes. */
export function CodeDiff({before, after, language, labels}: {before: string; after: string; language: Language; labels: [string, string]}) {
  const box = useRef<HTMLDivElement>(null)
  const [oneColumn, setOneColumn] = useState(narrow?.matches ?? false)
  useEffect(() => {
    const read = () => setOneColumn(narrow?.matches ?? false)
    narrow?.addEventListener('change', read)
    return () => narrow?.removeEventListener('change', read)
  }, [])
  useEffect(() => {
    let view: {destroy: () => void} | undefined
    let gone = false
    void import('./codemirror').then(m => {
      if (!gone && box.current) view = m.createDiff({parent: box.current, before, after, language, labels, oneColumn})
    })
    return () => {
      gone = true
      view?.destroy()
    }
  }, [before, after, language, labels[0], labels[1], oneColumn])
  return <div class={`code-diff${oneColumn ? ' one-column' : ''}`}><div class="code-diff-labels"><span>{labels[0]}</span><span>{labels[1]}</span></div><div ref={box} /></div>
}
