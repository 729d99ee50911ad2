import {useState} from 'preact/hooks'
import {api, messageOf, P} from '../api/client'
import type {Rule, Table, Tried} from '../api/types'
import {useAction} from '../load'
import {session} from '../session'
import {Button, Note, Spinner, toastError} from '../ui'
import {bytes, count} from '../ui/format'
import {readEvents} from './events'

/** The most text of events that the gateway takes at once. */
const mostBytes = 1 << 20

/** What was pasted last stays while one goes from rule to rule. */
let lastText = ''

/** Runs both searches: the SPL over events that are given, the ES|QL over the documents of the cluster. */
export function TryIt({rule, query}: {rule: Rule; query: string}) {
  const [text, setTextState] = useState(lastText)
  const setText = (t: string) => {
    lastText = t
    setTextState(t)
  }
  const [from, setFrom] = useState(rule.elastic_rule?.from ?? '')
  const [result, setResult] = useState<Tried | undefined>(undefined)
  const cluster = session.value?.elasticsearch === true
  const events = readEvents(text)
  const run = useAction(async () => {
    setResult(
      await api.post<Tried>(P + '/try', {
        migration_id: rule.migration_id,
        rule_id: rule.id,
        spl: rule.original_rule.query,
        ...(query ? {query} : {}),
        events: events.list,
        ...(from ? {from} : {}),
      }),
    )
  })
  const pick = async (file: File | undefined) => {
    if (!file) return
    if (file.size > mostBytes) return toastError(new Error(`${file.name} has ${bytes(file.size)}; at most ${bytes(mostBytes)} of events are tried at once.`))
    setText(await file.text())
  }
  return (
    <div class="stack">
      <form
        class="try-form"
        onSubmit={e => {
          e.preventDefault()
          void run.run()
        }}
      >
        <div class="field try-events">
          <label class="field-label" for="try-events">
            Events for the SPL
          </label>
          <textarea
            id="try-events"
            rows={6}
            spellcheck={false}
            class="mono"
            value={text}
            aria-describedby="try-events-hint"
            placeholder={'{"_time": "2026-01-31T12:00:00Z", "EventCode": 4688, "user": "anna"}'}
            onInput={e => setText(e.currentTarget.value)}
            onDragOver={e => e.preventDefault()}
            onDrop={e => {
              const f = e.dataTransfer?.files[0]
              if (f) {
                e.preventDefault()
                void pick(f)
              }
            }}
          />
          <span id="try-events-hint" class={`field-hint${events.fault ? ' fault' : ''}`}>
            {events.fault ??
              (events.list.length > 0
                ? `${count(events.list.length, 'event')}, ${events.kind === 'json' ? 'as JSON' : 'as lines of raw text'}`
                : 'JSON objects, one a line or as an array, or lines of raw text. Paste them, drop a file, or pick one.')}
          </span>
        </div>
        <div class="row">
          <label class="button default file-button">
            Pick a file
            <input
              type="file"
              class="visually-hidden"
              accept=".json,.ndjson,.jsonl,.log,.txt,.csv"
              onChange={e => {
                void pick(e.currentTarget.files?.[0])
                e.currentTarget.value = ''
              }}
            />
          </label>
          {cluster ? (
            <label class="try-from">
              ES|QL looks back from <input value={from} size={10} placeholder="now-1h" onInput={e => setFrom(e.currentTarget.value)} />
            </label>
          ) : null}
          <Button
            kind="primary"
            icon="play"
            busy={run.busy}
            why={events.fault ? 'The events cannot be read' : events.list.length === 0 && !cluster ? 'Give events first' : undefined}
            onClick={() => void run.run()}
          >
            Run
          </Button>
        </div>
      </form>
      {run.error ? (
        <Note tone="error" title="Not run">
          {messageOf(run.error)}
        </Note>
      ) : null}
      {run.busy && !result ? <Spinner label="Running both searches" /> : null}
      <div class="try-results">
        <section aria-label="Rows of the SPL">
          <h3>
            SPL <span class="muted">by the interpreter, over these events</span>
          </h3>
          {result ? <SplRows tried={result.spl} /> : <p class="muted">Rows appear here after a run.</p>}
        </section>
        <section aria-label="Rows of the ES|QL">
          <h3>
            ES|QL <span class="muted">by your Elasticsearch, over its own documents</span>
          </h3>
          {!cluster || result?.esql.state === 'not_configured' ? (
            <Note title="No Elasticsearch is configured">
              Name one under <code>elasticsearch.urls</code> in the settings and start the gateway again. The SPL can be tried without it.
            </Note>
          ) : result ? (
            result.esql.state === 'failed' ? (
              <Note tone="error" title="Elasticsearch refused the query">
                {result.esql.error}
              </Note>
            ) : (
              <ResultTable table={result.esql} />
            )
          ) : (
            <p class="muted">Rows appear here after a run.</p>
          )}
        </section>
      </div>
    </div>
  )
}

function SplRows({tried}: {tried: Tried['spl']}) {
  if (tried.error)
    return (
      <Note tone="warn" title="The interpreter cannot run this search">
        {tried.error}
      </Note>
    )
  return (
    <>
      {tried.notes?.length ? (
        <ul class="try-notes">
          {tried.notes.map((n, i) => (
            <li key={i}>{n}</li>
          ))}
        </ul>
      ) : null}
      <ResultTable table={tried} />
    </>
  )
}

/** Rows of a search. */
export function ResultTable({table}: {table: Table}) {
  const columns = (table.columns ?? []).map(c => (typeof c === 'string' ? c : c.name))
  const rows = table.rows ?? []
  if (rows.length === 0) return <p class="muted">No rows: nothing would alert.</p>
  return (
    <>
      <div class="result-table" tabIndex={0} role="region" aria-label="Rows">
        <table>
          <thead>
            <tr>
              {columns.map(c => (
                <th key={c} scope="col">
                  {c}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {columns.map((c, j) => (
                  <td key={c}>{cell(Array.isArray(row) ? row[j] : (row as Record<string, unknown>)[c])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="muted">
        {count(rows.length, 'row')}
        {table.truncated ? ', and more that are not shown' : ''}
      </p>
    </>
  )
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(cell).join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
