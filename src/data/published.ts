// Published datasets with rows of their own: HH-RLHF, PandaLM's test set, OpenAI's comparisons of summaries, Reddit TL;DR,
// Alpaca.
import { z } from 'zod'
import type { DataSettings } from '../contracts/settings'
import { sameTurns, splitAtResponse } from './answered'
import type { Format } from './format'
import { fromMessages, fromText } from './named-fields'
import { parseTranscript, type HumanPair } from './row'
import { fitting, Unusable } from './unusable'

const hhRow = z.object({ chosen: z.string(), rejected: z.string() })

/** HH-RLHF: two transcripts that differ in the last turn of the assistant. */
export const hh: Format = {
  name: 'hh',
  read(raw) {
    const row = fitting(hhRow, raw)
    const split = (transcript: string) => splitAtResponse(parseTranscript(transcript) ?? [], 'transcript')
    const [chosen, rejected] = [split(row.chosen), split(row.rejected)]
    if (!sameTurns(chosen.before, rejected.before))
      throw new Unusable('chosen and rejected differ before the last turn')
    const pair = pairOf(chosen.response, rejected.response, 1, 'chosen and rejected are equal')
    return { ...fromMessages(chosen.before), pairs: [pair] }
  },
}

/** @throws Unusable when there is nothing to compare */
function pairOf(first: string, second: string, preferred: 0 | 1 | 2, equal = 'both responses are equal'): HumanPair {
  if (first.trim() === '' || second.trim() === '') throw new Unusable('empty response')
  if (first === second) throw new Unusable(equal)
  return { responses: [first, second], preferred }
}

const vote = z.coerce.number().pipe(z.union([z.literal(0), z.literal(1), z.literal(2)]))
const pandalmRow = z.object({
  instruction: z.string(),
  input: z.string().default(''),
  response1: z.string(),
  response2: z.string(),
  annotator1: vote,
  annotator2: vote,
  annotator3: vote,
})

/** Alpaca's prompt: an instruction, and what it is about, if that is given apart. */
function instructed({ instruction, input }: { instruction: string; input: string }) {
  if (instruction.trim() === '') throw new Unusable('empty instruction')
  return fromText(input.trim() === '' ? instruction : `${instruction}\n\n${input}`, {})
}

/** PandaLM's test set: three annotators per row; the majority decides, no majority is a tie. */
export const pandalm: Format = {
  name: 'pandalm',
  read(raw) {
    const row = fitting(pandalmRow, raw)
    const votes = [row.annotator1, row.annotator2, row.annotator3]
    const preferred = ([1, 2] as const).find((option) => votes.filter((v) => v === option).length >= 2) ?? 0
    return { ...instructed(row), pairs: [pairOf(row.response1, row.response2, preferred)] }
  },
}

const optionalText = z.string().optional()
const optionalId = z.union([z.string(), z.number().int().transform(String)]).optional()
const comparisonRow = z.object({
  info: z.object({
    id: optionalId,
    post: optionalText,
    title: optionalText,
    subreddit: optionalText,
    article: optionalText,
  }),
  summaries: z.array(z.object({ text: z.string() })),
  choice: z.number().int(),
  batch: optionalText,
  extra: z.object({ confidence: z.number().optional() }).optional(),
})

interface RedditPost {
  subreddit?: string | undefined
  title?: string | undefined
  post?: string | undefined
}

/** The query of Reddit TL;DR as SFT and preference data have it (N+, TRL). */
const redditQuery = ({ subreddit, title, post }: RedditPost) =>
  `SUBREDDIT: r/${subreddit ?? ''}\n\nTITLE: ${title ?? ''}\n\nPOST: ${(post ?? '').trim()}`

const isNews = ({ info, batch }: z.infer<typeof comparisonRow>) => Boolean(info.article) || /cnndm/.test(batch ?? '')

/** Why the settings leave a comparison out, if they do. */
function excluded(row: z.infer<typeof comparisonRow>, { confidence, cnndm }: DataSettings): string | undefined {
  if (isNews(row) && !cnndm) return 'a CNN/DailyMail batch (data.cnndm takes these)'
  if (!isNews(row) && cnndm) return 'a Reddit batch (data.cnndm leaves these out)'
  const given = row.extra?.confidence ?? null
  if (!confidence || confidence.includes(given ?? -1)) return undefined
  return given === null ? 'no confidence given' : `confidence not among ${confidence.join(', ')}`
}

/** OpenAI's comparisons of summaries (Stiennon et al., 2020): two summaries of a post, the better one by its index. */
export const openaiComparisons: Format = {
  name: 'openai-comparisons',
  read(raw, task, settings) {
    const row = fitting(comparisonRow, raw)
    const { info, summaries, choice } = row
    const reason = excluded(row, settings)
    if (reason !== undefined) throw new Unusable(reason)
    const [first = '', second = ''] = summaries.map(({ text }) => text.trim())
    if (summaries.length !== 2 || (choice !== 0 && choice !== 1))
      throw new Unusable('not a comparison of two summaries')
    const pair = pairOf(first, second, choice === 0 ? 1 : 2)
    const source = isNews(row) ? info.article : info.post
    if (!source?.trim()) throw new Unusable('empty prompt')
    return { ...fromText(isNews(row) ? source : redditQuery(info), task), pairs: [pair] }
  },
}

const tldrRow = z.object({
  id: optionalId,
  subreddit: optionalText,
  title: optionalText,
  post: z.string(),
  summary: z.string(),
})

/** Reddit TL;DR: posts with the summaries of their writers. */
export const tldr: Format = {
  name: 'tldr',
  read(raw, task) {
    const row = fitting(tldrRow, raw)
    if (row.post.trim() === '') throw new Unusable('empty prompt')
    if (row.summary.trim() === '') throw new Unusable('empty response')
    return { id: row.id, ...fromText(redditQuery(row), task), reference: row.summary.trim() }
  },
}

const alpacaRow = z.object({ instruction: z.string(), input: z.string().default(''), output: z.string() })

/** Alpaca: instructions with the response to each. */
export const alpaca: Format = {
  name: 'alpaca',
  read(raw) {
    const row = fitting(alpacaRow, raw)
    const reference = row.output.trim()
    if (reference === '') throw new Unusable('empty response')
    return { ...instructed(row), reference }
  },
}
