import {MigrationList} from './migrations/list'
import type {View} from './router'

/** The views of the page, by their addresses. The first that fits is shown. */
export const views: View[] = [
  {pattern: '/', component: MigrationList, nav: 'Migrations', title: 'Migrations'},
]
