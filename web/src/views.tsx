import {MigrationList} from './migrations/list'
import {OverviewView} from './overview/overview'
import type {View} from './router'

/** The views of the page, by their addresses. The first that fits is shown. */
export const views: View[] = [
  {pattern: '/', component: MigrationList, nav: 'Migrations', title: 'Migrations'},
  {pattern: '/m/:id', component: OverviewView, tab: {label: 'Overview', order: 1}, title: 'Overview'},
]
