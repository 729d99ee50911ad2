import {describe, expect, it, vi} from 'vitest'
import type {Reviewed} from '../api/types'
import {review, undoOf} from './review'

describe('review', () => {
  it('takes back what changed, with the revision that it left', () => {
    const reviewed: Reviewed = {
      changed: [
        {rule_id: 'a', revision: 4, state: 'accepted', previous: 'open'},
        {rule_id: 'b', revision: 7, state: 'accepted', previous: 'rejected'},
        {rule_id: 'c', revision: 2, state: 'accepted', previous: 'accepted'},
        {rule_id: 'd', revision: 9, state: 'accepted', previous: 'installed'},
      ],
      refused: [{rule_id: 'e', why: 'is processing'}],
    }
    expect(undoOf(reviewed)).toEqual([
      {rule_id: 'a', revision: 4, state: 'open'},
      {rule_id: 'b', revision: 7, state: 'rejected'},
    ])
  })
  it('sends at most 10,000 rules a call and adds up the answers', async () => {
    const sizes: number[] = []
    vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      const body = JSON.parse(String(init.body)) as {rules: {rule_id: string}[]; comment?: string}
      sizes.push(body.rules.length)
      expect(body.comment).toBe('why')
      return new Response(
        JSON.stringify({
          changed: body.rules.slice(1).map(r => ({rule_id: r.rule_id, revision: 1, state: 'accepted', previous: 'open'})),
          refused: [{rule_id: body.rules[0]!.rule_id, why: 'x'}],
        }),
      )
    })
    const answer = await review(
      'm',
      Array.from({length: 10_001}, (_, i) => ({rule_id: `r${i}`, revision: 1, state: 'accepted' as const})),
      'why',
    )
    expect(sizes).toEqual([10_000, 1])
    expect(answer.changed.length).toBe(9_999)
    expect(answer.refused.map(r => r.rule_id)).toEqual(['r0', 'r10000'])
  })
  it('says what was changed when a later call fails, since that can be taken back', async () => {
    let n = 0
    vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      if (n++ > 0) return new Response(JSON.stringify({statusCode: 503, message: 'the store is not available now'}), {status: 503})
      const body = JSON.parse(String(init.body)) as {rules: {rule_id: string}[]}
      return new Response(JSON.stringify({changed: body.rules.map(r => ({rule_id: r.rule_id, revision: 1, state: 'accepted', previous: 'open'})), refused: []}))
    })
    const rules = Array.from({length: 10_002}, (_, i) => ({rule_id: `r${i}`, revision: 1, state: 'accepted' as const}))
    const answer = await review('m', rules)
    expect(answer.changed.length).toBe(10_000)
    expect(answer.refused).toEqual(['r10000', 'r10001'].map(rule_id => ({rule_id, why: 'the store is not available now'})))
    await expect(review('m', rules.slice(0, 1))).rejects.toThrow('the store is not available now')
  })
})
