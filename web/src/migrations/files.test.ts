import type {ImportItem} from '../api/types'
import {describe, expect, it} from 'vitest'
import {gather, readable, titleOf} from './files'
import {kindCount, kindName, place, why} from './imported'
import {faults} from './list'
import {tar} from './tar'

const file = (path: string, text = 'x') => ({path, file: new Blob([text])})

describe('what was dropped', () => {
  it('becomes a part a file, and an archive a folder, without what no import reads', () => {
    const up = gather([file('savedsearches.conf'), file('acme/default/macros.conf'), file('acme/local/macros.conf'), file('acme/bin/run.py'), file('acme/.git/config.conf'), file('other/lookups/a.csv')])
    expect(up.parts.map(p => p.name)).toEqual(['savedsearches.conf', 'acme.tar', 'other.tar'])
    expect([up.files, up.left, up.title]).toEqual([4, 2, 'acme'])
  })

  it('is named by its own path, and without a flag of the command line', () => {
    const item = {file: 'acme.tar!/acme/default/savedsearches.conf', line: 3, kind: 'filler', name: 'x', outcome: 'skipped', why: 'it only writes results: outputlookup; --all takes it too'} as ImportItem
    expect([place(item), place({...item, file: 'mine.tar!/acme/a.conf'}), why(item)]).toEqual(['acme/default/savedsearches.conf, line 3', 'mine.tar!/acme/a.conf, line 3', 'it only writes results: outputlookup'])
  })

  it('is called what people who use Splunk call it', () => {
    expect([kindName('filler'), kindCount(2, 'filler'), kindCount(1, 'macro')]).toEqual(['search that fills a lookup or summary', '2 searches that fill lookups or summaries', '1 macro'])
  })

  it('says place by place why nothing was taken', () => {
    expect(faults('no rule could be read: a.conf:1: x is no key; it is left out; a.conf:2: no bracket')).toEqual({what: 'no rule could be read:', places: ['a.conf:1: x is no key; it is left out', 'a.conf:2: no bracket']})
    expect(faults('the upload holds no alerts')).toEqual({what: 'the upload holds no alerts', places: []})
  })

  it('is read by its kind', () => {
    for (const yes of ['a/default/app.conf', 'a/metadata/local.meta', 'x/y.csv.gz', 'x/r.YML', 'x/a.spl']) expect(readable(yes), yes).toBe(true)
    for (const no of ['a/static/logo.png', 'a/bin/x.py', 'a/.DS_Store', 'a/node_modules/x.json', '__MACOSX/a.conf']) expect(readable(no), no).toBe(false)
  })

  it('gives a name for people', () => {
    expect(titleOf('cyences_app_for_splunk')).toBe('cyences app for splunk')
    expect(titleOf('soc-rules.tar.gz')).toBe('soc-rules')
    expect(titleOf('savedsearches.conf')).toBe('savedsearches')
  })
})

describe('an archive', () => {
  /** Reads the entries as any tar program does. */
  async function entries(blob: Blob): Promise<[string, string][]> {
    const bytes = new Uint8Array(await blob.arrayBuffer())
    const text = (from: number, to: number) => new TextDecoder().decode(bytes.subarray(from, to)).replace(/\0.*$/s, '')
    const out: [string, string][] = []
    let long = ''
    for (let at = 0; bytes[at] !== 0 && at < bytes.length;) {
      const size = parseInt(text(at + 124, at + 136), 8)
      const sum = parseInt(text(at + 148, at + 156), 8)
      const head = bytes.slice(at, at + 512)
      head.fill(32, 148, 156)
      expect(head.reduce((a, b) => a + b, 0)).toBe(sum)
      const body = text(at + 512, at + 512 + size)
      if (text(at + 156, at + 157) === 'L') long = body
      else {
        out.push([long || text(at, at + 100), body])
        long = ''
      }
      at += 512 + Math.ceil(size / 512) * 512
    }
    expect(bytes.length % 512).toBe(0)
    return out
  }

  it('holds its files with their folders, long and foreign names, and sizes at the edge of a block', async () => {
    const long = 'acme/' + 'ü'.repeat(80) + '/default/savedsearches.conf'
    const want: [string, string][] = [['acme/a.conf', '1'], [long, 'y'.repeat(512)], ['acme/empty.conf', ''], ['acme/b.conf', 'z'.repeat(513)]]
    expect(await entries(tar(want.map(([path, text]) => file(path, text))))).toEqual(want)
  })
})
