import {tar, type PathFile} from './tar'

/** What a person gave: files, and folders as archives. */
export interface Upload {
  parts: {name: string; blob: Blob}[]
  files: number
  bytes: number
  /** How many files of folders were left out because no import reads their kind. */
  left: number
  /** A name for what was given. */
  title: string
}

const kinds = /\.(conf|meta|csv|csv\.gz|json|ndjson|jsonl|ya?ml|xml|txt|tgz|tar|tar\.gz|gz|spl|zip)$/i
const hidden = /(^|\/)(\.[^/]|node_modules\/|__MACOSX\/)/

/** Whether a file of a folder is of a kind that import reads. */
export function readable(path: string): boolean {
  return kinds.test(path) && !hidden.test(path)
}

/** Puts files together: those with a folder in their path become one archive a folder. */
export function gather(list: PathFile[]): Upload {
  const folders = new Map<string, PathFile[]>()
  const up: Upload = {parts: [], files: 0, bytes: 0, left: 0, title: ''}
  for (const f of list) {
    const at = f.path.indexOf('/')
    if (at < 0) {
      up.parts.push({name: f.path, blob: f.file})
    } else if (!readable(f.path)) {
      up.left++
      continue
    } else {
      const top = f.path.slice(0, at)
      const files = folders.get(top)
      if (files) files.push(f)
      else folders.set(top, [f])
    }
    up.files++
    up.bytes += f.file.size
  }
  for (const [name, files] of folders) {
    files.sort((a, b) => a.path < b.path ? -1 : 1)
    up.parts.push({name: name + '.tar', blob: tar(files)})
  }
  const first = folders.keys().next().value ?? up.parts[0]?.name ?? ''
  up.title = titleOf(first)
  return up
}

/** A name for people from the name of a file or folder. */
export function titleOf(name: string): string {
  return name.replace(/\.(tar\.gz|tgz|spl|tar|gz|conf|csv|json|ndjson|ya?ml|zip|txt)$/i, '').replaceAll('_', ' ').trim()
}

async function entries(dir: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = dir.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    // A reader gives some at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return all
    all.push(...some)
  }
}

async function walk(entry: FileSystemEntry, out: PathFile[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, '')
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    out.push({path, file})
  } else if (!hidden.test(path + '/')) {
    for (const e of await entries(entry as FileSystemDirectoryEntry)) await walk(e, out)
  }
}

/** The files and folders of a drop. It must be called at once: the browser forgets them after the event. */
export async function dropped(data: DataTransfer): Promise<PathFile[]> {
  const items = [...data.items].filter(i => i.kind === 'file')
  const list = items.map(i => i.webkitGetAsEntry?.() ?? i.getAsFile())
  const out: PathFile[] = []
  for (const e of list) {
    if (!e) continue
    if (e instanceof File) out.push({path: e.name, file: e})
    else await walk(e, out)
  }
  return out
}

/** The files of an input, with their folders where a folder was chosen. */
export function chosen(input: HTMLInputElement): PathFile[] {
  return [...input.files ?? []].map(file => ({path: file.webkitRelativePath || file.name, file}))
}

/** Whether something dragged holds files. */
export function hasFiles(e: DragEvent): boolean {
  return [...e.dataTransfer?.types ?? []].includes('Files')
}

export function form(up: Upload): FormData {
  const f = new FormData()
  for (const p of up.parts) f.append('file', p.blob, p.name)
  return f
}
