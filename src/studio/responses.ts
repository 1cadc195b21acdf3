// Which prompts to read first, and one prompt across all validations: what the policy said, and what it was given
// for it.
import { JUDGE, REWARD } from '../contracts/validation-scores'
import type { Validations } from './validations'

export const ORDERS = {
  order: 'in their order',
  gain: 'largest gain first',
  loss: 'largest loss first',
  disagreement: 'largest disagreement first',
} as const
export type Order = keyof typeof ORDERS

/** How one judge's scores of a prompt moved. */
export interface Change {
  /** Who gave them: "reward", "judge", or the name of another judge. */
  by: string
  first: number
  last: number
}

export interface PromptSummary {
  /** Its number, from 0. */
  prompt: number
  id: string
  context: string
  /** What the policy said before training, and at the last validation. */
  first: string
  last: string
  changes: Change[]
  /** How far apart its ranks by the reward's gain and by another judge's are, as a share of the prompts. */
  disagreement?: number | undefined
}

export interface ResponsesPage {
  prompts: PromptSummary[]
  /** From 1. */
  page: number
  pages: number
  /** Of prompts that match. */
  found: number
  /** Why an order is not to be had: what it needs is not known of this run. */
  without: Partial<Record<Order, string>>
}

export interface Reading {
  query?: string
  order?: Order
  page?: number
}

export const PROMPTS_A_PAGE = 20

/** One page of the prompts that contain a text, in themselves or in a response to them. */
export async function responsesPage(validations: Validations, reading: Reading): Promise<ResponsesPage> {
  const { query = '', order = 'order', page = 1 } = reading
  const matching = await matches(validations, query)
  const shown = new Set(matching)
  const found = ordered(validations, order).filter((prompt) => shown.has(prompt))
  const pages = Math.max(1, Math.ceil(found.length / PROMPTS_A_PAGE))
  const at = Math.min(pages, Math.max(1, page))
  const prompts = summaries(validations, found.slice((at - 1) * PROMPTS_A_PAGE, at * PROMPTS_A_PAGE))
  return { prompts, page: at, pages, found: found.length, without: missingOrders(validations) }
}

function summaries(validations: Validations, prompts: readonly number[]): PromptSummary[] {
  const [read, first, last] = [
    validations.readPrompts(prompts),
    validations.readResponses(0, prompts),
    validations.readResponses(validations.list.length - 1, prompts),
  ]
  const apart = disagreements(validations)
  return prompts.map((prompt, i) => ({
    prompt,
    ...read[i]!,
    first: first[i]!,
    last: last[i]!,
    changes: changesOf(validations, prompt),
    disagreement: apart?.[prompt],
  }))
}

// ---- One prompt

export interface PromptStep {
  step: number
  /** In nats per response on the training prompts of this step. */
  kl?: number | undefined
  response: string
  /** Whether it is the same as at the validation before. */
  isSame: boolean
  /** Who gave what; null where there was no answer. */
  scores: { by: string; score: number | null }[]
}

/** @returns undefined unless there is a prompt of this number */
export function promptAcross(
  validations: Validations,
  prompt: number,
): { id: string; context: string; steps: PromptStep[] } | undefined {
  if (!(Number.isInteger(prompt) && prompt >= 0 && prompt < validations.prompts)) return undefined
  const responses = validations.list.map((_, i) => validations.readResponses(i, [prompt])[0]!)
  const steps = validations.list.map(({ step, kl, scores }, i): PromptStep => ({
    step,
    kl,
    response: responses[i]!,
    isSame: i > 0 && responses[i] === responses[i - 1],
    scores: Object.entries(scores).map(([by, given]) => ({ by, score: given[prompt] ?? null })),
  }))
  return { ...validations.readPrompts([prompt])[0]!, steps }
}

// ---- Scores

/** Who gave scores, the reward first. */
export const judgesOf = ({ list }: Pick<Validations, 'list'>): string[] =>
  [...new Set([REWARD, JUDGE, ...list.flatMap(({ scores }) => Object.keys(scores))])].filter((by) =>
    list.some(({ scores }) => scores[by]),
  )

/** The first validation, and the last one that this judge scored. */
function endsOf({ list }: Validations, by: string) {
  const all = list.filter(({ scores }) => scores[by])
  return all.length < 2 ? undefined : { first: all[0]!, last: all.at(-1)! }
}

function changesOf(validations: Validations, prompt: number): Change[] {
  return judgesOf(validations).flatMap((by) => {
    const ends = endsOf(validations, by)
    const [first, last] = [ends?.first.scores[by]?.[prompt], ends?.last.scores[by]?.[prompt]]
    return typeof first === 'number' && typeof last === 'number' ? [{ by, first, last }] : []
  })
}

/** Of every prompt; NaN where one of the two scores is missing. */
function gains(validations: Validations, by: string, until?: number): number[] | undefined {
  const ends = endsOf(validations, by)
  const last = until === undefined ? ends?.last : validations.list.find(({ step }) => step === until)
  const [before, after] = [ends?.first.scores[by], last?.scores[by]]
  if (!before || !after) return undefined
  return Array.from({ length: validations.prompts }, (_, i) => difference(after[i], before[i]))
}

const difference = (after: number | null | undefined, before: number | null | undefined): number =>
  typeof after === 'number' && typeof before === 'number' ? after - before : NaN

/**
 * By prompt: the difference of its ranks by the reward's gain and by that of another judge, at the last validation that
 * the other scored; of several judges the largest. Ranks, as rewards and probabilities have no common unit.
 */
function disagreements(validations: Validations): number[] | undefined {
  const apart = judgesOf(validations)
    .filter((by) => by !== REWARD)
    .flatMap((by) => {
      const others = gains(validations, by)
      const rewards = gains(validations, REWARD, endsOf(validations, by)?.last.step)
      return others && rewards ? [rankDifferences(rewards, others)] : []
    })
  if (apart.length === 0) return undefined
  return apart[0]!.map((_, i) =>
    apart.reduce((most, one) => (one[i]! > most || Number.isNaN(most) ? one[i]! : most), NaN),
  )
}

function rankDifferences(one: readonly number[], other: readonly number[]): number[] {
  const both = one.map((value, i) => !Number.isNaN(value) && !Number.isNaN(other[i]!))
  const [ranks, otherRanks] = [sharedRanks(one, both), sharedRanks(other, both)]
  return one.map((_, i) => (both[i] ? Math.abs(ranks[i]! - otherRanks[i]!) : NaN))
}

/** From 0 to 1 among those that count; equal values share the mean of their ranks. */
function sharedRanks(values: readonly number[], counts: readonly boolean[]): number[] {
  const sorted = values.flatMap((value, i) => (counts[i] ? [{ value, i }] : [])).sort((a, b) => a.value - b.value)
  const ranks = values.map(() => NaN)
  for (let from = 0; from < sorted.length;) {
    let to = from
    while (to + 1 < sorted.length && sorted[to + 1]!.value === sorted[from]!.value) to++
    for (let k = from; k <= to; k++) ranks[sorted[k]!.i] = (from + to) / 2 / Math.max(1, sorted.length - 1)
    from = to + 1
  }
  return ranks
}

// ---- Order and search

function ordered(validations: Validations, order: Order): number[] {
  const all = Array.from({ length: validations.prompts }, (_, i) => i)
  const values = order === 'disagreement' ? disagreements(validations) : gains(validations, REWARD)
  if (order === 'order' || !values) return all
  const sign = order === 'loss' ? 1 : -1
  const rank = (i: number) => (Number.isNaN(values[i]!) ? Infinity : sign * values[i]!)
  return all.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(a) - rank(b)))
}

function missingOrders(validations: Validations): ResponsesPage['without'] {
  const noReward = gains(validations, REWARD)
    ? undefined
    : validations.list.length < 2
      ? 'there is one validation so far'
      : 'this version of the run did not record the reward of each response'
  const noOther = disagreements(validations) ? undefined : (noReward ?? 'only the reward has scored these responses')
  return {
    ...(noReward !== undefined && { gain: noReward, loss: noReward }),
    ...(noOther !== undefined && { disagreement: noOther }),
  }
}

const PROMPTS_READ_AT_ONCE = 256
/** Lets other requests in. */
const pause = () => new Promise(setImmediate)

/** The prompts that contain a text, or a response to which does, whatever its case. */
async function matches(validations: Validations, query: string): Promise<number[]> {
  const all = Array.from({ length: validations.prompts }, (_, i) => i)
  const wanted = query.trim().toLowerCase()
  if (wanted === '') return all
  const contains = (text: string) => text.toLowerCase().includes(wanted)
  const found = new Set<number>()
  for (let from = 0; from < all.length; from += PROMPTS_READ_AT_ONCE) {
    const part = all.slice(from, from + PROMPTS_READ_AT_ONCE)
    validations.readPrompts(part).forEach(({ context, id }, i) => {
      if (contains(context) || contains(id)) found.add(part[i]!)
    })
    await pause()
  }
  for (let i = 0; i < validations.list.length; i++) {
    validations.readAll(i).forEach((response, prompt) => {
      if (!found.has(prompt) && contains(response)) found.add(prompt)
    })
    await pause()
  }
  return [...found].sort((a, b) => a - b)
}
