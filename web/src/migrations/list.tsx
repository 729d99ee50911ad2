import {useEvents} from '../api/events'
import {useLoad, useThrottled} from '../load'
import {Empty, ErrorState, num, Spinner, StateBadge, Time} from '../ui'
import {load, migrations, take} from './store'

/** All migrations, with their progress. */
export function MigrationList() {
  const read = useLoad(load, [])
  const again = useThrottled(read.reload, 2000)
  useEvents(e => { if (take(e)) again() })
  const list = migrations.value
  if (!list) return read.error ? <ErrorState title="The migrations could not be read" error={read.error} retry={read.reload} /> : <Spinner label="Reading the migrations" />
  if (list.length === 0) return <Empty title="There are no migrations yet" icon="upload" />
  return (
    <ul class="migration-list">
      {list.map(m => <li key={m.id}>{m.name || m.id} <StateBadge state={m.state} parked={Boolean(m.park_reason)} /> {num(m.rules.finished + m.rules.failed)} of {num(m.rules.total)} rules <Time at={m.last_updated_at} /></li>)}
    </ul>
  )
}
