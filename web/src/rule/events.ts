export interface Events {
  list: (string | Record<string, unknown>)[]
  kind: 'json' | 'text'
  /** Why the text cannot be read, with what to do. */
  fault?: string
}

/** The most events that the gateway tries at once. */
export const mostEvents = 1_000

/** Reads events that a person gave: a JSON array of objects, JSON objects one a line, or lines of raw text. */
export function readEvents(text: string): Events {
  const events = read(text)
  return events.list.length > mostEvents ? {...events, list: [], fault: `These are ${events.list.length} events; at most ${mostEvents} are tried at once.`} : events
}

function read(text: string): Events {
  const trimmed = text.trim()
  if (trimmed === '') return {list: [], kind: 'text'}
  if (trimmed.startsWith('[')) {
    const all = parse(trimmed)
    if (Array.isArray(all)) {
      const at = all.findIndex(e => !isObject(e))
      return at < 0 ? {list: all as Record<string, unknown>[], kind: 'json'} : {list: [], kind: 'json', fault: `Element ${at + 1} of the array is no object.`}
    }
    if (/^\[\s*[{\]]/.test(trimmed)) return {list: [], kind: 'json', fault: 'The JSON array does not end, or has a fault in it.'}
  }
  if (!trimmed.startsWith('{')) return {list: lines(text), kind: 'text'}
  const one = parse(trimmed)
  if (isObject(one)) return {list: [one], kind: 'json'}
  const list: Record<string, unknown>[] = []
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const event = parse(line)
    if (!isObject(event)) return {list: [], kind: 'json', fault: `Line ${i + 1} is no JSON object; write one a line, or an array of them.`}
    list.push(event)
  }
  return {list, kind: 'json'}
}

const lines = (text: string) => text.split(/\r?\n/).filter(line => line.trim() !== '')

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
