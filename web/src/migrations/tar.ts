// A folder travels as one archive: an app means what it means by where its files lie (default and local, lookups), which
// the names of a form's parts do not tell.

const block = 512
const encoder = new TextEncoder()

function field(header: Uint8Array, at: number, length: number, text: string): void {
  header.set(encoder.encode(text).subarray(0, length), at)
}

function header(name: Uint8Array, size: number, type: string): Uint8Array {
  const h = new Uint8Array(block)
  h.set(name.subarray(0, 100), 0)
  field(h, 100, 8, '0000644\0')
  field(h, 108, 8, '0000000\0')
  field(h, 116, 8, '0000000\0')
  field(h, 124, 12, size.toString(8).padStart(11, '0') + '\0')
  field(h, 136, 12, '00000000000\0')
  field(h, 148, 8, '        ')
  field(h, 156, 1, type)
  field(h, 257, 8, 'ustar\x0000')
  const sum = h.reduce((a, b) => a + b, 0)
  field(h, 148, 8, sum.toString(8).padStart(6, '0') + '\0 ')
  return h
}

function padding(size: number): Uint8Array {
  return new Uint8Array((block - size % block) % block)
}

export interface PathFile {
  /** With slashes, beneath the folder. */
  path: string
  file: Blob
}

/** The files as a tar archive; what is in them is not read here. */
export function tar(files: PathFile[]): Blob {
  const parts: BlobPart[] = []
  for (const f of files) {
    const name = encoder.encode(f.path)
    if (name.length > 100) {
      // GNU's way to give a long name: an entry before the file that holds it.
      parts.push(header(encoder.encode('././@LongLink'), name.length + 1, 'L') as BlobPart, name as BlobPart, new Uint8Array(1), padding(name.length + 1) as BlobPart)
    }
    parts.push(header(name, f.file.size, '0') as BlobPart, f.file, padding(f.file.size) as BlobPart)
  }
  parts.push(new Uint8Array(2 * block))
  return new Blob(parts, {type: 'application/x-tar'})
}
