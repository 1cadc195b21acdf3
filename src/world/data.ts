// Data of the miniature world, as rows of one's own: posts, an imperfect reference each, and pairs that the simulated people compared.
import { ANNOTATORS, marginOf } from './annotator'
import { goldScore } from './gold'
import { IMPERFECT, postOf, summaryOf } from './posts'

export interface WorldRow {
  id: string
  prompt: string
  reference: string
  responses: [string, string]
  preferred: 1 | 2
}

/** Row `i` of a seed; its two responses differ. */
export function worldRow(seed: number, i: number): WorldRow {
  const post = postOf(seed, i)
  const write = (what: string, n = 0) => summaryOf(post, IMPERFECT, [seed, what, i, n])
  const first = write('first')
  let second = first
  for (let n = 0; second === first; n++) second = write('second', n)
  const gold: [number, number] = [goldScore(post.text, first), goldScore(post.text, second)]
  const preferred = marginOf({ name: 'human', ...ANNOTATORS.human }, gold, [first, second], seed) > 0 ? 1 : 2
  return { id: `${seed}-${i}`, prompt: post.text, reference: write('reference'), responses: [first, second], preferred }
}
