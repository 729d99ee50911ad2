import {hasFiles} from './files'

/** Files that are dropped beside every place for them do nothing: the browser would leave the page to show them, and what is not saved would be lost. */
export function refuseStrayFiles(page: EventTarget = window): void {
  page.addEventListener('dragover', e => {
    const d = e as DragEvent
    if (d.defaultPrevented || !hasFiles(d) || !d.dataTransfer) return
    d.preventDefault()
    d.dataTransfer.dropEffect = 'none'
  })
  page.addEventListener('drop', e => {
    if (hasFiles(e as DragEvent)) e.preventDefault()
  })
}
