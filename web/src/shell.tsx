import {useEffect, useRef, useState} from 'preact/hooks'
import {apiKey, ApiError, messageOf, reachable} from './api/client'
import {live, useEvents, useStream} from './api/events'
import {MigrationFrame} from './migrations/frame'
import {currentMigration, find, href, location, type View} from './router'
import {useAction} from './load'
import {loadSession, session, tryKey} from './session'
import {setTheme, theme, type Theme} from './theme'
import {Button, Dialog, Empty, ErrorState, Field, Icon, Menu, Note, Spinner, Toasts} from './ui'

/** The frame of the page: header, banner, the view that the address names, toasts. */
export function Shell({views}: {views: View[]}) {
  const [error, setError] = useState<unknown>(undefined)
  const [turn, setTurn] = useState(0)
  const main = useRef<HTMLElement>(null)
  const found = find(views, location.value.path)
  const title = found?.view.title ?? 'Nothing here'
  const ready = session.value !== undefined

  useEffect(() => {
    const abort = new AbortController()
    loadSession(abort.signal).then(() => setError(undefined), (err: unknown) => {
      if (abort.signal.aborted) return
      setError(err)
      // Something that is away may come back; a refusal needs a person.
      if (err instanceof ApiError && err.away) setTimeout(() => { if (!abort.signal.aborted) setTurn(t => t + 1) }, 3000)
    })
    return () => abort.abort()
  }, [turn, apiKey.value])

  useStream(currentMigration.value, ready && session.value?.features.migrations === true)
  // A gateway that was away may be another version by now.
  useEvents(e => { if (e.kind === 'reset') setTurn(t => t + 1) })

  useEffect(() => { document.title = title === 'Migrations' ? 'Rulebridge' : `${title} · Rulebridge` }, [title])
  // A new place begins at its top, and the keyboard with it.
  const path = location.value.path
  const first = useRef(true)
  const stays = found?.view.stays
  useEffect(() => {
    if (first.current) { first.current = false; return }
    if (stays) return
    scrollTo(0, 0)
    main.current?.focus({preventScroll: true})
  }, [path])

  const view = () => {
    if (!ready) return error ? <ErrorState title="The page cannot begin" error={error} retry={() => setTurn(t => t + 1)} /> : <Spinner />
    if (!found) return <Empty title="There is nothing at this address" action={<a class="button default" href={href([])}>All migrations</a>} />
    const C = found.view.component
    const body = <C key={found.view.stays ?? found.view.pattern + JSON.stringify(found.params)} params={found.params} query={location.value.query} />
    const id = currentMigration.value
    return id ? <MigrationFrame id={id} views={views} view={found.view}>{body}</MigrationFrame> : body
  }

  return (
    <div class="page">
      <a class="skip" href="#main" onClick={e => { e.preventDefault(); main.current?.focus() }}>Skip to the content</a>
      <Header views={views} current={found?.view} />
      <Away />
      <main id="main" ref={main} tabIndex={-1}>{view()}</main>
      <Toasts />
    </div>
  )
}

/** Says that the gateway is away, and for how long it has been. */
function Away() {
  const away = live.value === 'away' || !reachable.value
  const [shown, setShown] = useState(false)
  // A blink of the network is not worth a banner.
  useEffect(() => {
    if (!away) { setShown(false); return }
    const t = setTimeout(() => setShown(true), 800)
    return () => clearTimeout(t)
  }, [away])
  return (
    <div role="status" aria-live="polite">
      {shown ? <div class="banner"><Icon name="warn" /><span><strong>The gateway does not answer.</strong> What you see may be old, and changes cannot be saved. The page goes on by itself when it is back.</span></div> : null}
    </div>
  )
}

function Header({views, current}: {views: View[]; current: View | undefined}) {
  const [key, setKey] = useState(false)
  const [about, setAbout] = useState(false)
  const s = session.value
  const names: Record<Theme, string> = {auto: 'as the system', light: 'light', dark: 'dark'}
  const next: Record<Theme, Theme> = {auto: 'light', light: 'dark', dark: 'auto'}
  return (
    <header class="top">
      <a class="brand" href={href([])} aria-label="Rulebridge, all migrations">
        <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><rect width="24" height="24" rx="5" fill="currentColor" /><path d="M3 16h18M5 16c0-8 14-8 14 0M9 16v-5M12 16v-6M15 16v-5" fill="none" stroke="var(--surface)" stroke-width="1.7" stroke-linecap="round" /></svg>
        <span>Rulebridge</span>
      </a>
      <nav class="top-nav" aria-label="Parts of the page">
        {views.filter(v => v.nav && (v.nav !== 'Assistant' || s?.features.assistant)).map(v => (
          <a key={v.pattern} href={'#' + v.pattern} aria-current={v === current || current?.under === v.pattern ? 'page' : v.pattern === '/' && currentMigration.value ? 'true' : undefined}>{v.nav}</a>
        ))}
      </nav>
      <div class="top-right">
        {s?.auth ? <span class="who" title={`Your role: ${s.user.role}`}><Icon name="user" />{s.user.name}</span> : null}
        <Button kind="quiet" icon={theme.value === 'auto' ? 'auto' : theme.value === 'light' ? 'sun' : 'moon'} aria-label={`Theme: ${names[theme.value]}; change to ${names[next[theme.value]]}`} title={`Theme: ${names[theme.value]}`} onClick={() => setTheme(next[theme.value])} />
        <Menu label="More" items={[
          {label: 'About this gateway', icon: 'info', onSelect: () => setAbout(true)},
          {label: apiKey.value ? 'Change the API key' : 'Use an API key', icon: 'key', hint: 'Kept in memory until the page is closed', onSelect: () => setKey(true)},
        ]} />
      </div>
      {key ? <KeyDialog onClose={() => setKey(false)} /> : null}
      {about ? <About onClose={() => setAbout(false)} /> : null}
    </header>
  )
}

function KeyDialog({onClose}: {onClose: () => void}) {
  const [value, setValue] = useState('')
  const save = useAction(async () => {
    await tryKey(value.trim())
    apiKey.value = value.trim()
    onClose()
  })
  return (
    <Dialog title="Use an API key" onClose={onClose} footer={<>
      {apiKey.value ? <Button onClick={() => { apiKey.value = ''; onClose() }}>Forget it</Button> : null}
      <Button kind="primary" busy={save.busy} disabled={!value.trim()} onClick={() => void save.run()}>Use it</Button>
    </>}>
      <Field label="API key" hint="It is sent with each call instead of what the browser knows, and forgotten when the page is closed.">
        <input type="password" autocomplete="off" value={value} onInput={e => setValue(e.currentTarget.value)} onKeyDown={e => { if (e.key === 'Enter' && value.trim()) void save.run() }} />
      </Field>
      {save.error ? <Note tone="error" title="The key was not taken"><p>{messageOf(save.error)}</p></Note> : null}
    </Dialog>
  )
}

function About({onClose}: {onClose: () => void}) {
  const s = session.value
  const isLink = (where: string) => /^https?:\/\//.test(where)
  return (
    <Dialog title="About this gateway" onClose={onClose}>
      {s ? (
        <dl class="facts">
          <dt>Version</dt><dd>{s.version}</dd>
          <dt>Compiler</dt><dd class="mono">{s.compiler_version}</dd>
          <dt>You</dt><dd>{s.auth ? `${s.user.name}, ${s.user.role}` : 'anybody who uses this machine (authentication is off)'}</dd>
          <dt>Connectors</dt><dd>{s.connectors.map(c => c.id).join(', ') || 'none'}</dd>
          <dt>Kibanas</dt><dd>{s.kibanas.join(', ') || 'none configured'}</dd>
          <dt>Elasticsearch</dt><dd>{s.elasticsearch ? 'configured' : 'not configured'}</dd>
          {s.places.map(p => [<dt key={p.name}>{p.name}</dt>, <dd key={p.name + '-'}>{isLink(p.where) ? <a href={p.where} target="_blank" rel="noreferrer">{p.where}</a> : p.where}</dd>])}
          <dt>Licences</dt><dd><a href="assets/licences.txt" target="_blank">of what the page is made of</a></dd>
        </dl>
      ) : <p>{messageOf(new Error('The gateway has not said yet what it is.'))}</p>}
    </Dialog>
  )
}
