import type {ComponentChildren} from 'preact'
import {useEffect} from 'preact/hooks'
import {useEvents} from '../api/events'
import {useLoad, useThrottled} from '../load'
import {go, href, type View} from '../router'
import {Empty, ErrorState, LinkTabs, num, Spinner, StateBadge} from '../ui'
import {MigrationActions} from './actions'
import {MigrationProgress, Parked} from './progress'
import {byID, load, take} from './store'

/** What stands around every view of one migration: its name, its state, what can be done with it, its tabs. */
export function MigrationFrame({id, views, view, children}: {id: string; views: View[]; view: View; children: ComponentChildren}) {
  const m = byID.value.get(id)
  const read = useLoad(load, [id])
  const again = useThrottled(read.reload, 2000)
  useEvents(e => { if (take(e)) again() })
  useEffect(() => { if (m) document.title = `${m.name || m.id} · ${view.title} · Rulebridge` }, [m?.name, view.title])
  if (!m) {
    if (read.error) return <ErrorState title="The migration could not be read" error={read.error} retry={read.reload} />
    if (read.loading) return <Spinner label="Reading the migration" />
    return <Empty title="There is no such migration" action={<a class="button default" href={href([])}>All migrations</a>}>It may have been deleted.</Empty>
  }
  const tabs = views.filter(v => v.tab).sort((a, b) => (a.tab?.order ?? 0) - (b.tab?.order ?? 0))
  return (
    <div class="migration">
      <header class="migration-head">
        <div class="migration-title">
          <div class="migration-name-line">
            <h1>{m.name || m.id}</h1>
            <StateBadge state={m.state} parked={Boolean(m.park_reason) && m.state !== 'running'} />
          </div>
          <div class="migration-actions"><MigrationActions m={m} onChange={read.reload} onDeleted={() => go(href([]))} /></div>
        </div>
        {m.state === 'running' || m.rules.pending + m.rules.processing > 0 ? <MigrationProgress m={m} /> : null}
        <Parked m={m} />
        <LinkTabs label="Parts of the migration" tabs={tabs.map(v => ({
          label: v.tab?.label ?? '', href: '#' + v.pattern.replace(':id', encodeURIComponent(id)), current: v === view || v.pattern === view.under,
          n: v.pattern === '/m/:id/rules' ? num(m.rules.total) : undefined,
        }))} />
      </header>
      {children}
    </div>
  )
}
