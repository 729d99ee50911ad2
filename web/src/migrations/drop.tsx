import {useEffect, useRef, useState} from 'preact/hooks'
import type {ComponentChildren} from 'preact'
import {Button, Icon} from '../ui'
import {toast, toastError} from '../ui'
import {chosen, dropped, hasFiles} from './files'
import type {PathFile} from './tar'

interface DropProps {
  onFiles: (files: PathFile[]) => void
  title: string
  children?: ComponentChildren
  /** Also takes what is dropped elsewhere on the page. */
  wholePage?: boolean
  compact?: boolean
  busy?: string
  accept?: string
  folders?: boolean
}

/** A place to drop files or folders, with buttons that do the same. */
export function Drop({onFiles, title, children, wholePage, compact, busy, accept, folders = true}: DropProps) {
  const [over, setOver] = useState(false)
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const latest = useRef(onFiles)
  latest.current = onFiles

  useEffect(() => {
    const target: EventTarget | null = wholePage ? document : box.current
    if (!target) return
    let depth = 0
    // What was found stands in a dialog: files dropped over it would begin a second migration behind it.
    const takes = (e: DragEvent) => hasFiles(e) && !(wholePage && document.querySelector('dialog[open]'))
    const enter = (e: Event) => { if (takes(e as DragEvent)) { depth++; setOver(true) } }
    const leave = (e: Event) => { if (takes(e as DragEvent)) { depth = Math.max(0, depth - 1); if (depth === 0) setOver(false) } }
    const hover = (e: Event) => { if (takes(e as DragEvent)) e.preventDefault() }
    const drop = (e: Event) => {
      const d = e as DragEvent
      depth = 0
      setOver(false)
      // A smaller place within may have taken it.
      if (!takes(d) || !d.dataTransfer || d.defaultPrevented) return
      d.preventDefault()
      dropped(d.dataTransfer).then(list => { if (list.length > 0) latest.current(list); else toast('No file is in what was dropped', {kind: 'error'}) }, (err: unknown) => toastError(err, 'The files could not be read'))
    }
    target.addEventListener('dragenter', enter)
    target.addEventListener('dragleave', leave)
    target.addEventListener('dragover', hover)
    target.addEventListener('drop', drop)
    return () => {
      target.removeEventListener('dragenter', enter)
      target.removeEventListener('dragleave', leave)
      target.removeEventListener('dragover', hover)
      target.removeEventListener('drop', drop)
    }
  }, [wholePage])

  const pick = (input: HTMLInputElement | null) => {
    if (!input) return
    const list = chosen(input)
    input.value = ''
    if (list.length > 0) latest.current(list)
  }

  return (
    <div ref={box} class={`drop${over ? ' over' : ''}${compact ? ' compact' : ''}`}>
      <input ref={files} type="file" multiple hidden accept={accept} data-testid="files" onChange={e => pick(e.currentTarget)} />
      {folders ? <input ref={folder} type="file" hidden {...{webkitdirectory: true}} data-testid="folder" onChange={e => pick(e.currentTarget)} /> : null}
      <Icon name="upload" />
      <div class="drop-text"><strong>{busy ?? title}</strong>{children ? <span>{children}</span> : null}</div>
      <div class="drop-buttons">
        <Button small={compact} kind={compact ? 'default' : 'primary'} busy={Boolean(busy)} onClick={() => files.current?.click()}>Choose files</Button>
        {folders ? <Button small={compact} disabled={Boolean(busy)} onClick={() => folder.current?.click()}>Choose a folder</Button> : null}
      </div>
    </div>
  )
}
