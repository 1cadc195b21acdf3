// The formats of dataset files. Each format turns a raw row into a draft of a Row, or says why the row cannot be used.
import { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'
import type { DATA_FORMATS, DataSettings } from '../contracts/settings'
import { answerTo, promptAlone, promptTurns, sameTurns, splitAtResponse, type Answered, type Dropped } from './answered'
import { messageSchema, parseTranscript, renderConversation, type Message, type HumanPair, type Row } from './row'
import type { Task } from './task'

/** A row before rows with the same prompt are merged. */
export type Draft = Omit<Row, 'id' | 'pairs'> & { id?: string | undefined; pair?: HumanPair }
export interface Format {
  name: string
  read(raw: unknown, where: string, task: Task, settings: DataSettings): Draft | Dropped
}

type Prompt = Pick<Row, 'messages' | 'context'>
/** The prompt of a response that was given for these turns. */
type PromptOf = (before: Message[]) => Prompt

/** The user's turn for a text: with the task's instruction, if it has one. */
function fromText(text: string, task: Task): Prompt {
  const content = task.instruction ? `${task.instruction}\n\n${text}` : text
  return {
    messages: [{ role: 'user', content }],
    context: task.instruction ? text : renderConversation([{ role: 'user', content }]),
  }
}

function fromMessages(messages: Message[]): Prompt {
  return { messages, context: renderConversation(messages) }
}

const jsonlRow = z
  .strictObject({
    id: z.string().optional(),
    prompt: z.string().min(1, 'must not be empty').optional(),
    messages: z.array(messageSchema).min(1).optional(),
    reference: z.string().min(1).optional(),
    responses: z.tuple([z.string(), z.string()]).optional(),
    preferred: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  })
  .refine(
    (row) => (row.prompt === undefined) !== (row.messages === undefined),
    'requires either "prompt" (a text) or "messages" (turns)',
  )
  .refine(
    (row) => (row.responses === undefined) === (row.preferred === undefined),
    '"responses" and "preferred" (1, 2, or 0 for a tie) go together',
  )

/** Renames the fields of a row by the mapping; other fields are left out. */
function mapped(raw: unknown, fields: DataSettings['fields']): unknown {
  if (!fields || typeof raw !== 'object' || raw === null) return raw
  return Object.fromEntries(
    Object.entries(fields).map(([name, inFile]) => [name, (raw as Record<string, unknown>)[inFile] ?? undefined]),
  )
}

const jsonl: Format = {
  name: 'jsonl',
  read(raw, where, task, { fields }) {
    const row = parse(jsonlRow, mapped(raw, fields), where, 'types')
    const prompt = row.messages ? fromMessages(row.messages) : fromText(row.prompt!, task)
    const { role } = prompt.messages.at(-1)!
    const isSft = row.messages && role === 'assistant' && row.reference === undefined && row.responses === undefined
    if (isSft) {
      const draft = withReference(splitAtResponse(row.messages!), fromMessages)
      return 'dropped' in draft ? draft : { id: row.id, ...draft }
    }
    if (role !== 'user')
      throw new InvalidInput(`${where}: field "messages": the last turn is the ${role}'s; it must be the user's`)
    return {
      id: row.id,
      ...prompt,
      ...(row.reference !== undefined && { reference: row.reference }),
      ...(row.responses && { pair: { responses: row.responses, preferred: row.preferred! } }),
    }
  },
}

/** The better and the worse response as a pair; readDataset puts pairs in random order. */
function chosenPair(chosen: string, rejected: string): { pair: HumanPair } | Dropped {
  if (chosen === '' || rejected === '') return { dropped: 'empty response' }
  if (chosen === rejected) return { dropped: 'chosen and rejected are equal' }
  return { pair: { responses: [chosen, rejected], preferred: 1 } }
}

const hhRow = z.object({ chosen: z.string(), rejected: z.string() })

/** HH-RLHF: two transcripts that differ in the last turn of the assistant. */
const hh: Format = {
  name: 'hh',
  read(raw, where) {
    const row = parse(hhRow, raw, where, 'types')
    const split = (transcript: string) => splitAtResponse(parseTranscript(transcript) ?? [], 'transcript')
    return comparedPair(split(row.chosen), split(row.rejected), fromMessages)
  },
}

/** A pair of responses that were given for the same turns. */
function comparedPair(chosen: Answered | Dropped, rejected: Answered | Dropped, promptOf: PromptOf): Draft | Dropped {
  if ('dropped' in chosen) return chosen
  if ('dropped' in rejected) return rejected
  if (!sameTurns(chosen.before, rejected.before)) return { dropped: 'chosen and rejected differ before the last turn' }
  const pair = chosenPair(chosen.response, rejected.response)
  return 'dropped' in pair ? pair : { ...promptOf(chosen.before), ...pair }
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

/** PandaLM's test set: three annotators per row; the majority decides, no majority is a tie. */
const pandalm: Format = {
  name: 'pandalm',
  read(raw, where, task) {
    const row = parse(pandalmRow, raw, where, 'types')
    if (row.instruction.trim() === '') return { dropped: 'empty instruction' }
    if (row.response1.trim() === '' || row.response2.trim() === '') return { dropped: 'empty response' }
    if (row.response1 === row.response2) return { dropped: 'both responses are equal' }
    const votes = [row.annotator1, row.annotator2, row.annotator3]
    const preferred = ([1, 2] as const).find((option) => votes.filter((v) => v === option).length >= 2) ?? 0
    const text = row.input.trim() === '' ? row.instruction : `${row.instruction}\n\n${row.input}`
    return {
      ...fromText(text, { ...task, instruction: undefined }),
      pair: { responses: [row.response1, row.response2], preferred },
    }
  },
}

const optionalText = z.string().nullish()
const comparisonRow = z.object({
  info: z.object({
    id: optionalText,
    post: optionalText,
    title: optionalText,
    subreddit: optionalText,
    article: optionalText,
  }),
  summaries: z.array(z.object({ text: z.string() })),
  choice: z.number().int(),
  batch: optionalText,
  extra: z.object({ confidence: z.number().nullish() }).nullish(),
})

interface RedditPost {
  subreddit?: string | null | undefined
  title?: string | null | undefined
  post?: string | null | undefined
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
const openaiComparisons: Format = {
  name: 'openai-comparisons',
  read(raw, where, task, settings) {
    const row = parse(comparisonRow, raw, where, 'types')
    const { info, summaries, choice } = row
    const reason = excluded(row, settings)
    if (reason !== undefined) return { dropped: reason }
    const [first, second] = summaries.map(({ text }) => text.trim())
    if (summaries.length !== 2 || (choice !== 0 && choice !== 1))
      return { dropped: 'not a comparison of two summaries' }
    if (!first || !second) return { dropped: 'empty response' }
    if (first === second) return { dropped: 'both responses are equal' }
    const source = isNews(row) ? info.article : info.post
    if (!source?.trim()) return { dropped: 'empty prompt' }
    const text = isNews(row) ? source : redditQuery(info)
    return { ...fromText(text, task), pair: { responses: [first, second], preferred: choice === 0 ? 1 : 2 } }
  },
}

const tldrRow = z.object({
  id: optionalText,
  subreddit: optionalText,
  title: optionalText,
  post: z.string(),
  summary: z.string(),
})

/** Reddit TL;DR: posts with the summaries of their writers. */
const tldr: Format = {
  name: 'tldr',
  read(raw, where, task) {
    const row = parse(tldrRow, raw, where, 'types')
    if (row.post.trim() === '') return { dropped: 'empty prompt' }
    if (row.summary.trim() === '') return { dropped: 'empty response' }
    return { id: row.id ?? undefined, ...fromText(redditQuery(row), task), reference: row.summary.trim() }
  },
}

const turns = z.union([z.string(), z.array(messageSchema).min(1)])
const trlRow = z.object({
  prompt: turns.optional(),
  completion: turns.optional(),
  chosen: turns.optional(),
  rejected: turns.optional(),
})

/** TRL's prompt/completion and prompt/chosen/rejected, as texts or as turns. */
const trl: Format = {
  name: 'trl',
  read(raw, where, task) {
    const { prompt, completion, chosen, rejected } = parse(trlRow, raw, where, 'types')
    const promptOf = (before: Message[]) =>
      typeof prompt === 'string' && sameTurns(before, promptTurns(prompt))
        ? trlPrompt(prompt, task)
        : fromMessages(before)
    if (completion !== undefined) return withReference(answerTo(prompt, completion), promptOf)
    if (chosen === undefined || rejected === undefined) {
      const turns = promptAlone(prompt)
      return 'dropped' in turns ? turns : promptOf(turns)
    }
    return comparedPair(answerTo(prompt, chosen), answerTo(prompt, rejected), promptOf)
  },
}

function withReference(answered: Answered | Dropped, promptOf: PromptOf): Draft | Dropped {
  if ('dropped' in answered) return answered
  const { before, response } = answered
  return response === '' ? { dropped: 'empty response' } : { ...promptOf(before), reference: response }
}

/** A text that ends with "TL;DR:" is a whole prompt, as is a transcript: they get no instruction. */
function trlPrompt(prompt: string, task: Task): Prompt {
  const turns = promptTurns(prompt)
  if (turns[0]!.content !== prompt.trim()) return fromMessages(turns)
  const isWhole = /TL;DR:?\s*$/.test(prompt)
  return fromText(prompt.trim(), { ...task, instruction: isWhole ? undefined : task.instruction })
}

const formats: Record<(typeof DATA_FORMATS)[number], Format> = {
  jsonl,
  hh,
  pandalm,
  'openai-comparisons': openaiComparisons,
  tldr,
  trl,
}

/** The configured format; "auto" detects it by the fields of the first row. */
export function formatOf({ format, fields }: DataSettings, firstRow: unknown): Format {
  if (format !== 'auto') return formats[format]
  if (fields) return jsonl
  const has = (...names: string[]) =>
    typeof firstRow === 'object' && firstRow !== null && names.every((name) => name in firstRow)
  if (has('prompt', 'chosen') || has('prompt', 'completion')) return trl
  if (has('chosen', 'rejected')) return Array.isArray((firstRow as { chosen: unknown }).chosen) ? trl : hh
  if (has('annotator1', 'instruction')) return pandalm
  if (has('summaries', 'choice', 'info')) return openaiComparisons
  if (has('post', 'summary')) return tldr
  return jsonl
}
