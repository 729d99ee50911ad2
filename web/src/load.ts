import {useCallback, useEffect, useRef, useState} from 'preact/hooks'
import {ApiError, isAbort, reachable} from './api/client'

export interface Loaded<T> {
  data: T | undefined
  error: unknown
  /** Whether a call is under way; data and error of the last one stay meanwhile. */
  loading: boolean
  /** Reads anew. */
  reload: () => void
  /** Changes what is shown without a call, such as after a write that answered with the new state. */
  set: (data: T) => void
}

/** Reads something when the component appears and whenever deps change; a call that is no longer wanted is aborted. */
export function useLoad<T>(fetch: (signal: AbortSignal) => Promise<T>, deps: unknown[]): Loaded<T> {
  const [state, setState] = useState<{data?: T; error?: unknown; loading: boolean}>({loading: true})
  const [turn, setTurn] = useState(0)
  const key = JSON.stringify(deps)
  const shown = useRef(key)
  useEffect(() => {
    const abort = new AbortController()
    // What belongs to other deps must not stand for these.
    const fresh = shown.current !== key
    shown.current = key
    setState(s => fresh ? {loading: true} : {...s, loading: true})
    fetch(abort.signal).then(
      data => { if (!abort.signal.aborted) setState({data, loading: false}) },
      (error: unknown) => { if (!abort.signal.aborted && !isAbort(error)) setState(s => ({data: s.data, error, loading: false})) },
    )
    return () => abort.abort()
  }, [key, turn])
  const reload = useCallback(() => setTurn(t => t + 1), [])
  // What failed because the gateway was away is read again when it is back.
  const lost = state.error instanceof ApiError && state.error.away
  const back = reachable.value
  useEffect(() => { if (lost && back) reload() }, [lost, back])
  const set = useCallback((data: T) => setState({data, loading: false}), [])
  return {data: state.data, error: state.error, loading: state.loading, reload, set}
}

/** Calls f at most once in ms, and once more at the end when it was asked for meanwhile. */
export function useThrottled(f: () => void, ms: number): () => void {
  const latest = useRef(f)
  latest.current = f
  const state = useRef<{timer?: ReturnType<typeof setTimeout>; again: boolean}>({again: false})
  useEffect(() => () => clearTimeout(state.current.timer), [])
  return useCallback(() => {
    const s = state.current
    if (s.timer !== undefined) {
      s.again = true
      return
    }
    const run = () => {
      latest.current()
      s.again = false
      s.timer = setTimeout(() => {
        s.timer = undefined
        if (s.again) run()
      }, ms)
    }
    run()
  }, [ms])
}

/** An action with its state: busy while it runs, and the error of the last run. */
export function useAction<A extends unknown[]>(f: (...args: A) => Promise<void>): {run: (...args: A) => Promise<void>; busy: boolean; error: unknown; clear: () => void} {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(undefined)
  const latest = useRef(f)
  latest.current = f
  const run = useCallback(async (...args: A) => {
    setBusy(true)
    setError(undefined)
    try {
      await latest.current(...args)
    } catch (err) {
      if (!isAbort(err)) setError(err)
    } finally {
      setBusy(false)
    }
  }, [])
  return {run, busy, error, clear: useCallback(() => setError(undefined), [])}
}
