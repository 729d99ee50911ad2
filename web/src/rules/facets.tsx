import {useState} from 'preact/hooks'
import type {Facets} from '../api/types'
import {causeName as kindOf} from '../causes/words'
import {me} from '../session'
import {num, words} from '../ui/format'
import {activeFilters, type Filter, type FilterKey, toggleFilter} from './filter'
import {signal} from '@preact/signals'

interface Choice {
  value: string
  label: string
  rules?: number
  title?: string
}

export interface Group {
  key: FilterKey
  name: string
  choices: Choice[]
  /** What a filter can be besides, from a link: named, and not listed. */
  also?: Choice[]
}

const listed = (counts: Record<string, number> | undefined, order: [string, string][]): Choice[] =>
  order.filter(([value]) => (counts?.[value] ?? 0) > 0 || !counts).map(([value, label]) => ({value, label, rules: counts?.[value] ?? 0}))

/** The groups of filters that a migration has, with how many rules each choice has in the whole migration. */
export function groups(facets: Facets | undefined): Group[] {
  if (!facets) return []
  const named = (list: {id?: string; name: string; rules: number}[] | null | undefined): Choice[] =>
    (list ?? []).map(n => ({
      value: n.id ?? n.name,
      label: n.id && n.id !== n.name ? `${n.name}` : n.name,
      rules: n.rules,
      title: n.id && n.id !== n.name ? `${n.id} ${n.name}` : undefined,
    }))
  const all: Group[] = [
    {
      key: 'result',
      name: 'Result',
      choices: listed(facets.result, [
        ['full', 'Full'],
        ['partial', 'Partial'],
        ['untranslatable', 'Untranslatable'],
      ]),
    },
    {
      key: 'review',
      name: 'Sign-off',
      choices: listed(facets.review, [
        ['open', 'Open'],
        ['accepted', 'Accepted'],
        ['rejected', 'Rejected'],
        ['installed', 'Installed'],
      ]),
    },
    {
      key: 'status',
      name: 'Status',
      choices: listed(facets.status, [
        ['pending', 'Pending'],
        ['processing', 'Processing'],
        ['finished', 'Finished'],
        ['error', 'In error'],
      ]),
    },
    {
      key: 'cause',
      name: 'Cause',
      choices: (facets.causes ?? []).map(c => ({value: c.key, label: causeName(c), rules: c.rules, title: [causeName(c), c.example].filter(Boolean).join('\n')})),
      also: (facets.causes ?? []).flatMap(c => [{value: c.code, label: kindOf(c.code)}, {value: c.item, label: causeName(c)}]),
    },
    {key: 'source', name: 'Data source', choices: named(facets.sources)},
    {
      key: 'matched',
      name: 'Prebuilt rule',
      choices: listed(facets.matched, [
        ['yes', 'Takes its place'],
        ['near', 'Near'],
        ['no', 'None'],
      ]),
    },
    {
      key: 'holes',
      name: 'Holes',
      choices: [
        {value: 'yes', label: 'With holes'},
        {value: 'no', label: 'Without holes'},
      ],
    },
    {key: 'tactic', name: 'MITRE tactic', choices: named(facets.tactics)},
    {
      key: 'technique',
      name: 'MITRE technique',
      choices: (facets.techniques ?? []).map(t => ({value: t.id ?? t.name, label: t.id && t.name !== t.id ? `${t.id} ${t.name}` : t.name, rules: t.rules})),
    },
    {
      key: 'edited',
      name: 'Changes',
      choices: [
        {value: 'me', label: 'Changed by me', rules: facets.edited && (facets.edited[me.value] ?? 0)},
        {value: 'yes', label: 'Changed by anyone', rules: facets.edited && Object.values(facets.edited).reduce((a, n) => a + n, 0)},
      ],
    },
    {key: 'app', name: 'App', choices: named(facets.apps)},
  ]
  return all.filter(g => g.choices.length > 0)
}

/** A cause in a few words, the same as on the overview. What it is about comes first, for it tells the like apart. */
export function causeName(c: {code: string; command?: string; subject?: string}): string {
  const name = kindOf(c.code)
  return c.subject ? `${c.subject}: ${name.charAt(0).toLowerCase()}${name.slice(1)}` : c.command ? `${name} in ${c.command}` : name
}

/** What a filter that is on is called. */
export function filterName(key: FilterKey, value: string, all: Group[]): string {
  if (key === 'q') return `“${value}”`
  const group = all.find(g => g.key === key)
  const label = (group?.choices.find(c => c.value === value) ?? group?.also?.find(c => c.value === value))?.label ?? value
  return `${group?.name ?? words(key)}: ${label}`
}

const shortList = 6
/** The groups that are folded or unfolded by hand; the others follow what they hold. */
const folds = signal<Partial<Record<FilterKey, boolean>>>({})
const openAtFirst: FilterKey[] = ['result', 'review', 'cause', 'source']

/** The filters with their numbers. A choice is a button that stays pressed. */
export function FacetPanel({facets, filter, onChange}: {facets: Facets | undefined; filter: Filter; onChange: (f: Filter) => void}) {
  const all = groups(facets)
  const on = new Set(activeFilters(filter).map(f => f.key))
  return (
    <div class="facets">
      {all.map(g => {
        const open = folds.value[g.key] ?? (openAtFirst.includes(g.key) || on.has(g.key))
        return (
          <section key={g.key} class="facet">
            <h2>
              <button
                type="button"
                class="facet-head"
                aria-expanded={open}
                onClick={() => {
                  folds.value = {...folds.value, [g.key]: !open}
                }}
              >
                {g.name}
                {!open && on.has(g.key) ? <span class="facet-on"> on</span> : null}
              </button>
            </h2>
            {open ? <Choices group={g} chosen={filter[g.key]} onToggle={value => onChange(toggleFilter(filter, g.key, value))} /> : null}
          </section>
        )
      })}
    </div>
  )
}

function Choices({group, chosen, onToggle}: {group: Group; chosen: string; onToggle: (value: string) => void}) {
  const [more, setMore] = useState(false)
  const list = chosen && !group.choices.some(c => c.value === chosen) ? [{value: chosen, label: group.also?.find(c => c.value === chosen)?.label ?? chosen}, ...group.choices] : group.choices
  const shown = more || list.length <= shortList + 1 ? list : list.filter((c, i) => i < shortList || c.value === chosen)
  return (
    <ul class="choices">
      {shown.map(c => (
        <li key={c.value}>
          <button type="button" class="choice" aria-pressed={c.value === chosen} title={c.title ?? c.label} onClick={() => onToggle(c.value)}>
            <span class="choice-name">{c.label}</span>
            {c.rules === undefined ? null : <span class="choice-n">{num(c.rules)}</span>}
          </button>
        </li>
      ))}
      {shown.length < list.length ? (
        <li>
          <button type="button" class="choice more" onClick={() => setMore(true)}>
            Show all {num(list.length)}
          </button>
        </li>
      ) : null}
    </ul>
  )
}
