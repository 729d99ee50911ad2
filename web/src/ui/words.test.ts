import {readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {esqlCommands, esqlFunctions, splCommands} from './words'

// Through a variable: what names the place plainly is taken for an asset of the page.
const here = import.meta.url
const source = (name: string) => readFileSync(new URL('../../../internal/' + name, here), 'utf8')
const functions = source('esql/functions.go'), parser = source('esql/parse.go'), commands = source('spl/commands_sets.go')
const fields = (text: string) => text.trim().split(/\s+/)

describe('words', () => {
  it('are the functions of the checker', () => {
    const tables = [...functions.matchAll(/Table = `\n([^`]*)`/g)]
    expect(tables.length).toBeGreaterThan(3)
    const names = tables.flatMap(t =>
      t[1]!
        .trim()
        .split('\n')
        .map(line => line.split(' ')[0]!),
    )
    expect([...new Set(names)].sort()).toEqual([...esqlFunctions].sort())
  })
  it('hold every command of the parser', () => {
    const from = parser.indexOf('case "FROM":'),
      to = parser.indexOf('case "FORK":') + 20
    const names = [...parser.slice(from, to).matchAll(/case ("[A-Z_", ]+):/g)].flatMap(m => [...m[1]!.matchAll(/[A-Z_]+/g)].map(w => w[0]))
    expect(names.length).toBeGreaterThan(15)
    expect(names.filter(name => !esqlCommands.has(name))).toEqual([])
  })
  it('are the commands that Splunk documents', () => {
    const sets = commands
    const names = [/generating = strings\.Fields\(`([^`]*)`/, /documented = append\(strings\.Fields\(`([^`]*)`/].flatMap(pattern =>
      fields(pattern.exec(sets)![1]!),
    )
    expect([...new Set(names)].sort()).toEqual([...splCommands].sort())
  })
})
