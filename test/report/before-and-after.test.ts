import { beforeAndAfter } from '../../src/report/before-and-after'
import type { StageRecord } from '../../src/report/provenance'

const contests = Array.from({ length: 7 }, (_, i) => ({
  id: `${i}`,
  context: `prompt ${i}`,
  baseline: `one two three ${i}`,
  policy: 'good good',
  preferPolicy: i / 10,
}))
const rl = { stage: 'rl', summary: { kl: 8.5123 } } as unknown as StageRecord

test('a report opens with the first five prompts, whatever the judge said, and the price of the change', () => {
  const html = beforeAndAfter(contests, [rl])
  expect(html.match(/prompt \d/g)).toEqual(['prompt 0', 'prompt 1', 'prompt 2', 'prompt 3', 'prompt 4'])
  expect(html).toContain('The first 5 of 7 held-out prompts, in their original order, not selected.')
  expect(html).toContain('8.51\u00a0nats per response')
  // before: 4 words × 7 texts, of which 3 + 7 are distinct; after: 1 distinct word of 14, 1 distinct pair of 7
  expect(html).toMatch(/all words: 36\u00a0% → 7\u00a0%; distinct pairs of neighbouring words: 43\u00a0% → 14\u00a0%/)
})

test('nothing is claimed of a run without RL, or without compared responses', () => {
  expect(beforeAndAfter(contests, [])).toBe('')
  expect(beforeAndAfter([], [rl])).toBe('')
})
