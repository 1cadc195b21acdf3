// The file formats a dataset may come in. Each turns one raw row into a Row, or says why it cannot be used.
import { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'
import type { DATA_FORMATS, DataSettings } from '../contracts/settings'
import { messageSchema, parseTranscript, renderConversation, type Message, type HumanPair, type Row } from './row'
import type { Task } from './task'

/** A row that real files contain and nobody can use: counted by reason, not an error. */
export interface Dropped {
  dropped: string
}
export type Draft = Omit<Row, 'id' | 'pairs'> & { id?: string | undefined; pair?: HumanPair }
export interface Format {
  name: string
  read(raw: unknown, where: string, task: Task, settings: DataSettings): Draft | Dropped
}

/** The user's turn for a text of the task. */
function fromText(text: string, task: Task): Pick<Row, 'messages' | 'context'> {
  const content = task.instruction ? `${task.instruction}\n\n${text}` : text
  return {
    messages: [{ role: 'user', content }],
    context: task.instruction ? text : renderConversation([{ role: 'user', content }]),
  }
}

function fromMessages(messages: Message[]): Pick<Row, 'messages' | 'context'> {
  return { messages, context: renderConversation(messages) }
}

const ownRow = z
  .strictObject({
    id: z.string().optional(),
    prompt: z.string().min(1, 'wants the text of the prompt').optional(),
    messages: z.array(messageSchema).min(1).optional(),
    reference: z.string().min(1).optional(),
    responses: z.tuple([z.string(), z.string()]).optional(),
    preferred: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  })
  .refine(
    (row) => (row.prompt === undefined) !== (row.messages === undefined),
    'wants "prompt" (a text) or "messages" (turns), one of them',
  )
  .refine(
    (row) => (row.responses === undefined) === (row.preferred === undefined),
    '"responses" and "preferred" (1, 2, or 0 for a tie) go together',
  )

/** A row with only the fields that the mapping names, under our names. */
function mapped(raw: unknown, fields: DataSettings['fields']): unknown {
  if (!fields || typeof raw !== 'object' || raw === null) return raw
  return Object.fromEntries(
    Object.entries(fields).map(([ours, theirs]) => [ours, (raw as Record<string, unknown>)[theirs] ?? undefined]),
  )
}

const jsonl: Format = {
  name: 'jsonl',
  read(raw, where, task, { fields }) {
    const row = parse(ownRow, mapped(raw, fields), where)
    const base = row.messages ? fromMessages(row.messages) : fromText(row.prompt!, task)
    if (base.messages.at(-1)!.role !== 'user')
      throw new InvalidInput(
        `${where}: field "messages": the last turn is the ${base.messages.at(-1)!.role}'s; it must be the user's`,
      )
    return {
      id: row.id,
      ...base,
      ...(row.reference !== undefined && { reference: row.reference }),
      ...(row.responses && { pair: { responses: row.responses, preferred: row.preferred! } }),
    }
  },
}

const hhRow = z.object({ chosen: z.string(), rejected: z.string() })

/** HH-RLHF: two transcripts that differ in the last turn of the assistant. */
const hh: Format = {
  name: 'hh',
  read(raw, where) {
    const { chosen, rejected } = parse(hhRow, raw, where)
    const better = parseTranscript(chosen)
    const worse = parseTranscript(rejected)
    if (
      !better ||
      !worse ||
      better.length < 2 ||
      better.at(-1)!.role !== 'assistant' ||
      worse.at(-1)!.role !== 'assistant'
    )
      return { dropped: 'not a transcript that ends with the assistant' }
    const [context, other] = [better.slice(0, -1), worse.slice(0, -1)]
    if (renderConversation(context) !== renderConversation(other))
      return { dropped: 'chosen and rejected differ before the last turn' }
    if (context.at(-1)!.role !== 'user') return { dropped: "the last turn before the response is not the person's" }
    const [first, second] = [better.at(-1)!.content, worse.at(-1)!.content]
    if (first === '' || second === '') return { dropped: 'empty response' }
    if (first === second) return { dropped: 'chosen and rejected are equal' }
    return { ...fromMessages(context), pair: { responses: [first, second], preferred: 1 } }
  },
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

/** PandaLM's test set: three annotators a row; the majority counts, none is a tie. */
const pandalm: Format = {
  name: 'pandalm',
  read(raw, where, task) {
    const row = parse(pandalmRow, raw, where)
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

/** The query of Reddit TL;DR as SFT and preference data have it (N+, TRL). */
const redditQuery = ({
  subreddit,
  title,
  post,
}: {
  subreddit?: string | null | undefined
  title?: string | null | undefined
  post?: string | null | undefined
}) => `SUBREDDIT: r/${subreddit ?? ''}\n\nTITLE: ${title ?? ''}\n\nPOST: ${(post ?? '').trim()}`

/** OpenAI's comparisons of summaries (Stiennon et al., 2020): two summaries of a post, the better one by its index. */
const openaiComparisons: Format = {
  name: 'openai-comparisons',
  read(raw, where, task, { confidence, cnndm }) {
    const { info, summaries, choice, batch, extra } = parse(comparisonRow, raw, where)
    const isNews = Boolean(info.article) || /cnndm/.test(batch ?? '')
    if (isNews !== cnndm)
      return {
        dropped: isNews
          ? 'a CNN/DailyMail batch (data.cnndm takes these)'
          : 'a Reddit batch (data.cnndm leaves these out)',
      }
    if (confidence && !confidence.includes(extra?.confidence ?? -1))
      return {
        dropped:
          (extra?.confidence ?? null) === null
            ? 'no confidence given'
            : `confidence not among ${confidence.join(', ')}`,
      }
    const [first, second] = summaries.map(({ text }) => text.trim())
    if (summaries.length !== 2 || (choice !== 0 && choice !== 1))
      return { dropped: 'not a comparison of two summaries' }
    if (!first || !second) return { dropped: 'empty response' }
    if (first === second) return { dropped: 'both responses are equal' }
    const text = isNews ? (info.article ?? '') : redditQuery(info)
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

/** Reddit TL;DR posts with the summary their writer gave. */
const tldr: Format = {
  name: 'tldr',
  read(raw, where, task) {
    const row = parse(tldrRow, raw, where)
    if (row.post.trim() === '') return { dropped: 'empty prompt' }
    if (row.summary.trim() === '') return { dropped: 'empty response' }
    return { id: row.id ?? undefined, ...fromText(redditQuery(row), task), reference: row.summary.trim() }
  },
}

const turns = z.union([z.string(), z.array(messageSchema).min(1)])
const trlRow = z.object({
  prompt: turns,
  completion: turns.optional(),
  chosen: turns.optional(),
  rejected: turns.optional(),
})
const contentOf = (value: z.infer<typeof turns>) => (typeof value === 'string' ? value : value.at(-1)!.content).trim()

/** TRL's prompt/completion and prompt/chosen/rejected, as texts or as turns. */
const trl: Format = {
  name: 'trl',
  read(raw, where, task) {
    const { prompt, completion, chosen, rejected } = parse(trlRow, raw, where)
    const base =
      typeof prompt === 'string'
        ? fromText(prompt.trim(), { ...task, instruction: /TL;DR:?\s*$/.test(prompt) ? undefined : task.instruction })
        : fromMessages(prompt)
    if (base.messages.at(-1)!.role !== 'user')
      return { dropped: "the last turn before the response is not the person's" }
    if (completion !== undefined)
      return contentOf(completion) === ''
        ? { dropped: 'empty response' }
        : { ...base, reference: contentOf(completion) }
    if (chosen === undefined || rejected === undefined) return base
    const [first, second] = [contentOf(chosen), contentOf(rejected)]
    if (first === '' || second === '') return { dropped: 'empty response' }
    if (first === second) return { dropped: 'chosen and rejected are equal' }
    return { ...base, pair: { responses: [first, second], preferred: 1 } }
  },
}

const formats: Record<(typeof DATA_FORMATS)[number], Format> = {
  jsonl,
  hh,
  pandalm,
  'openai-comparisons': openaiComparisons,
  tldr,
  trl,
}

/** The named format; "auto" tells it by the fields of the first row. */
export function formatOf({ format, fields }: DataSettings, firstRow: unknown): Format {
  if (format !== 'auto') return formats[format]
  if (fields) return jsonl
  const has = (...names: string[]) =>
    typeof firstRow === 'object' && firstRow !== null && names.every((name) => name in firstRow)
  if (has('prompt', 'chosen') || has('prompt', 'completion')) return trl
  if (has('chosen', 'rejected')) return hh
  if (has('annotator1', 'instruction')) return pandalm
  if (has('summaries', 'choice', 'info')) return openaiComparisons
  if (has('post', 'summary')) return tldr
  return jsonl
}
