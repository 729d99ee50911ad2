import {AssistantView} from './assistant/assistant'
import {CoverageView} from './coverage/coverage'
import {InstallView} from './install/install'
import {MigrationList} from './migrations/list'
import {OverviewView} from './overview/overview'
import type {View} from './router'
import {RuleView} from './rule/view'
import {RulesView} from './rules/view'

/** The views of the page, by their addresses. The first that fits is shown. */
export const views: View[] = [
  {pattern: '/', component: MigrationList, nav: 'Migrations', title: 'Migrations'},
  {pattern: '/m/:id', component: OverviewView, tab: {label: 'Overview', order: 1}, title: 'Overview'},
  {pattern: '/m/:id/rules', component: RulesView, tab: {label: 'Rules', order: 2}, title: 'Rules'},
  {pattern: '/m/:id/rules/:rule', component: RuleView, under: '/m/:id/rules', title: 'Rule'},
  {pattern: '/m/:id/coverage', component: CoverageView, tab: {label: 'Coverage', order: 3}, title: 'Coverage'},
  {pattern: '/m/:id/install', component: InstallView, tab: {label: 'Install', order: 4}, title: 'Install'},
  {pattern: '/assistant', component: AssistantView, nav: 'Assistant', title: 'Assistant', stays: 'assistant'},
  {pattern: '/assistant/:conversation', component: AssistantView, under: '/assistant', title: 'Assistant', stays: 'assistant'},
]
