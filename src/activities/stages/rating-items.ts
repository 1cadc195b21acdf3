// Stage `rating-items`: what raters will see, drawn from a contest: policies hidden and shuffled, attention checks
// mixed in.
import { InvalidInput } from '../../contracts/parse'
import { SPOILED, type Item, type ItemKey } from '../../contracts/human-evaluation'
import type { StageInput } from '../../contracts/stages'
import type { Prompted } from '../../evaluation/comparison'
import { permutation } from '../../random'
import { writeItems } from '../../rating/items'
import { mean } from '../../mean'
import { readContest, type ContestArtifact } from '../result-files'
import type { Stage } from '../stage'

interface KeyedItem {
  item: Item
  key: ItemKey
}

export const ratingItems: Stage<'rating-items'> = {
  async run(input, host) {
    const contest = readContest(await host.open(input.contest))
    const inContest = [...new Set(contest.prompts.flatMap(({ responses }) => Object.keys(responses)))]
    const policies = input.policies ?? inContest
    const unknown = policies.filter((name) => !inContest.includes(name))
    if (unknown.length > 0)
      throw new InvalidInput(
        `rating-items: field "policies" names ${unknown.join(', ')}; the contest has ${inContest.join(', ')}`,
      )
    const complete = contest.prompts.filter(({ responses }) => policies.every((name) => responses[name] !== undefined))
    if (complete.length === 0)
      throw new InvalidInput(`rating-items: no prompt of the contest has a response of each of ${policies.join(', ')}`)
    const drawn = inOrder(complete, policies, contest, input).slice(0, input.prompts)
    const items = drawn.map((prompt, i) => itemOf(prompt, policies, input, i))
    const every = input.kind === 'rank' && policies.length > 1 ? input.checkEvery : 0
    const all =
      every === 0
        ? items
        : items.flatMap((item, i) => ((i + 1) % every === 0 ? [item, checkOf(drawn, i, policies, input)] : [item]))
    writeItems(
      host.output,
      all.map(({ item }) => item),
      all.map(({ key }) => key),
    )
    return {
      task: contest.task,
      items: all.length,
      checks: all.length - items.length,
      policies: policies.join(', '),
      responses: policies.length,
      ...(input.order === 'disagreement' && { order: input.order }),
      checkItems: all.flatMap(({ key }, i) => (key.check ? [i] : [])).join(' '),
    }
  },
}

/** The prompts as the seed draws them or, by disagreement, those first on which the jury is furthest apart. */
function inOrder(
  complete: readonly Prompted[],
  policies: readonly string[],
  { bouts, judge }: Pick<ContestArtifact, 'bouts' | 'judge'>,
  { seed, order }: StageInput<'rating-items'>,
): Prompted[] {
  const drawn = permutation(complete.length, [seed, 'rating-items']).map((i) => complete[i]!)
  if (order !== 'disagreement') return drawn
  const byPrompt = new Map<string, number[]>()
  for (const { id, first, second, disagreement } of bouts)
    if (disagreement !== undefined && policies.includes(first) && policies.includes(second))
      byPrompt.set(id, [...(byPrompt.get(id) ?? []), disagreement])
  if (byPrompt.size === 0)
    throw new InvalidInput(
      `rating-items: field "order" is "disagreement", but the contest was judged by ${judge}, which is no jury whose ` +
        'members could disagree; set "judge" of `compare` to {"jury": [...]}, or "order" to "random"',
    )
  const ofPrompt = ({ id }: Prompted) => mean(byPrompt.get(id) ?? [0])
  return drawn.sort((a, b) => ofPrompt(b) - ofPrompt(a))
}

function itemOf(
  { id, context, responses }: Prompted,
  policies: readonly string[],
  { seed }: StageInput<'rating-items'>,
  i: number,
): KeyedItem {
  const order = permutation(policies.length, [seed, 'rating-order', i]).map((at) => policies[at]!)
  return {
    item: { context, responses: order.map((name) => responses[name]!) },
    key: { id, policies: order, check: false },
  }
}

/**
 * An attention check: another prompt's item, one response replaced by shuffled words. Whoever reads it ranks it last.
 */
function checkOf(
  drawn: readonly Prompted[],
  i: number,
  policies: readonly string[],
  input: StageInput<'rating-items'>,
): KeyedItem {
  const source = drawn[(i + Math.floor(drawn.length / 2)) % drawn.length]!
  const { item, key } = itemOf(source, policies, input, drawn.length + i)
  const place = permutation(policies.length, [input.seed, 'spoiled', i])[0]!
  const words = source.context.split(/\s+/)
  const spoiled = permutation(Math.min(words.length, 40), [input.seed, 'words', i])
    .map((at) => words[at]!)
    .join(' ')
  return {
    item: { ...item, responses: item.responses.map((response, at) => (at === place ? spoiled : response)) },
    key: {
      id: `${key.id} (check)`,
      policies: key.policies.map((name, at) => (at === place ? SPOILED : name)),
      check: true,
    },
  }
}
