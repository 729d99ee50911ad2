/** One event of a stream of server-sent events. */
export interface StreamEvent {
  id: string
  event: string
  data: string
}

/** Cuts a stream of text into events, as the HTML standard defines the format. Comments are dropped. */
export class EventParser {
  private rest = ''
  private data: string[] = []
  private event = ''
  private id = ''
  /** The wait before a new connection that the server asked for, in milliseconds. */
  retry: number | undefined

  /** The events that are whole with this piece. */
  push(text: string): StreamEvent[] {
    const out: StreamEvent[] = []
    let all = this.rest + text
    // A carriage return at the end may be the first half of a line's end.
    const held = all.endsWith('\r') ? '\r' : ''
    if (held) all = all.slice(0, -1)
    const lines = all.split(/\r\n|\n|\r/)
    this.rest = (lines.pop() ?? '') + held
    for (const line of lines) {
      const e = this.line(line)
      if (e) out.push(e)
    }
    return out
  }

  private line(line: string): StreamEvent | undefined {
    if (line === '') {
      const e = this.data.length > 0 ? {id: this.id, event: this.event || 'message', data: this.data.join('\n')} : undefined
      this.data = []
      this.event = ''
      return e
    }
    if (line.startsWith(':')) return undefined
    const at = line.indexOf(':')
    const name = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
    if (name === 'data') this.data.push(value)
    else if (name === 'event') this.event = value
    else if (name === 'id' && !value.includes('\0')) this.id = value
    else if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value)
    return undefined
  }
}

/** Reads an answer's body as events until it ends; heard is called with every piece, comments too. */
export async function readEvents(body: ReadableStream<Uint8Array>, each: (e: StreamEvent) => void, heard?: () => void): Promise<void> {
  const parser = new EventParser()
  const decoder = new TextDecoder()
  const reader = body.getReader()
  for (;;) {
    const {done, value} = await reader.read()
    if (done) return
    heard?.()
    for (const e of parser.push(decoder.decode(value, {stream: true}))) each(e)
  }
}
