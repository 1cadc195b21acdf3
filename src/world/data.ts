// Data of the miniature world, in the format of your own rows: `"data": {"path": "world:summaries?rows=2000"}` of a
// run, or `rlaif world data`.
import { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'
import type { RandomKey } from '../random'
import { ANNOTATORS, marginOf } from './annotator'
import { CARELESS, replyOf, requestOf } from './dialogues'
import { goldHarmless, goldScore } from './gold'
import { IMPERFECT, postOf, summaryOf } from './posts'

/** A row of summaries or dialogues: two responses, and which of them the simulated people preferred. */
interface PreferenceRow {
  id: string
  prompt: string
  responses: [string, string]
  preferred: 1 | 2
}
/** A row of summaries, with an imperfect reference. */
interface SummaryRow extends PreferenceRow {
  reference: string
}
/** A turn and its answer, of either task: what the policy is pretrained on. */
interface PretrainingRow {
  id: string
  messages: { role: 'user'; content: string }[]
  reference: string
}

interface PairSource {
  id: string
  prompt: string
  seed: number
  /** Writes one response. */
  write(key: RandomKey): string
  gold(prompt: string, response: string): number
}

/** Two different responses and the people's choice. */
function preferenceRow({ id, prompt, seed, write, gold }: PairSource): PreferenceRow {
  const first = write(['first', id, 0])
  let second = first
  for (let n = 0; second === first; n++) second = write(['second', id, n])
  const human = { name: 'human', ...ANNOTATORS.human }
  const margin = marginOf(human, [gold(prompt, first), gold(prompt, second)], [first, second], seed)
  return { id, prompt, responses: [first, second], preferred: margin > 0 ? 1 : 2 }
}

export function summaryRow(seed: number, i: number): SummaryRow {
  const post = postOf(seed, i)
  const write = (key: RandomKey) => summaryOf(post, IMPERFECT, [seed, ...key])
  const row = preferenceRow({ id: `${seed}-${i}`, prompt: post.text, seed, write, gold: goldScore })
  return { ...row, reference: write(['reference', i]) }
}

export function dialogueRow(seed: number, i: number): PreferenceRow {
  const request = requestOf(seed, i)
  const write = (key: RandomKey) => replyOf(request, CARELESS, [seed, ...key])
  return preferenceRow({ id: `${seed}-${i}`, prompt: request.text, seed, write, gold: goldHarmless })
}

/** Two of three rows are summaries, the harder part. @param instruction of the task summarization */
export function pretrainingRow(seed: number, i: number, instruction: string): PretrainingRow {
  const row = (content: string, reference: string): PretrainingRow => ({
    id: `${seed}-${i}`,
    messages: [{ role: 'user', content }],
    reference,
  })
  if (i % 3 === 2) {
    const request = requestOf(seed, i)
    return row(request.text, replyOf(request, CARELESS, [seed, 'reference', i]))
  }
  const post = postOf(seed, i)
  return row(`${instruction}\n\n${post.text}`, summaryOf(post, IMPERFECT, [seed, 'reference', i]))
}

export const WORLD_DATA = ['summaries', 'dialogues', 'pretraining'] as const
export type WorldData = (typeof WORLD_DATA)[number]
export const isWorldData = (name: string): name is WorldData => WORLD_DATA.some((kind) => kind === name)

/** Rows 0 … rows − 1 of a seed. @param instruction of the task summarization; only pretraining uses it */
export function* worldRows(
  kind: WorldData,
  rows: number,
  seed: number,
  instruction: string,
): Generator<PreferenceRow | PretrainingRow> {
  for (let i = 0; i < rows; i++)
    yield kind === 'summaries'
      ? summaryRow(seed, i)
      : kind === 'dialogues'
        ? dialogueRow(seed, i)
        : pretrainingRow(seed, i, instruction)
}

const querySchema = z.strictObject({
  rows: z.coerce.number().int().min(2).max(200_000).default(2000),
  seed: z.coerce.number().int().min(0).optional(),
})

/** What a path like world:dialogues?rows=500&seed=3 asks for. @throws InvalidInput */
export function parseWorldPath(path: string): { kind: WorldData; rows: number; seed?: number | undefined } {
  const url = new URL(path)
  if (!isWorldData(url.pathname))
    throw new InvalidInput(
      `data: field "data.path" got "${path}"; ` +
        `the world has ${WORLD_DATA.map((name) => `world:${name}?rows=2000`).join(', ')}`,
    )
  return {
    kind: url.pathname,
    ...parse(querySchema, Object.fromEntries(url.searchParams), `data: field "data.path" got "${path}"`),
  }
}
