// The file formats a dataset may come in. Each turns one raw row into a Row, or says why it cannot be used.
import { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'
import { messageSchema, parseTranscript, renderConversation, type Message, type Row } from './row'
import type { Task } from './task'

/** A row that real files contain and nobody can use: counted by reason, not an error. */
export interface Dropped {
  dropped: string
}
export type Draft = Omit<Row, 'id'> & { id?: string | undefined }
export interface Format {
  name: string
  read(raw: unknown, where: string, task: Task): Draft | Dropped
}

/** The user's turn for a text of the task. */
function fromText(text: string, task: Task): Pick<Row, 'messages' | 'context'> {
  const content = task.instruction ? `${task.instruction}\n\n${text}` : text
  return { messages: [{ role: 'user', content }], context: task.instruction ? text : renderConversation([{ role: 'user', content }]) }
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
  .refine((row) => (row.prompt === undefined) !== (row.messages === undefined), 'wants "prompt" (a text) or "messages" (turns), one of them')
  .refine((row) => (row.responses === undefined) === (row.preferred === undefined), '"responses" and "preferred" (1, 2, or 0 for a tie) go together')

const jsonl: Format = {
  name: 'jsonl',
  read(raw, where, task) {
    const row = parse(ownRow, raw, where)
    const base = row.messages ? fromMessages(row.messages) : fromText(row.prompt!, task)
    if (base.messages.at(-1)!.role !== 'user') throw new InvalidInput(`${where}: field "messages": the last turn is the ${base.messages.at(-1)!.role}'s; it must be the user's`)
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
    if (!better || !worse || better.length < 2 || better.at(-1)!.role !== 'assistant' || worse.at(-1)!.role !== 'assistant') return { dropped: 'not a transcript that ends with the assistant' }
    const [context, other] = [better.slice(0, -1), worse.slice(0, -1)]
    if (renderConversation(context) !== renderConversation(other)) return { dropped: 'chosen and rejected differ before the last turn' }
    if (context.at(-1)!.role !== 'user') return { dropped: 'the last turn before the response is not the person\'s' }
    const [first, second] = [better.at(-1)!.content, worse.at(-1)!.content]
    if (first === '' || second === '') return { dropped: 'empty response' }
    if (first === second) return { dropped: 'chosen and rejected are equal' }
    return { ...fromMessages(context), pair: { responses: [first, second], preferred: 1 } }
  },
}

const vote = z.coerce.number().pipe(z.union([z.literal(0), z.literal(1), z.literal(2)]))
const pandalmRow = z.object({ instruction: z.string(), input: z.string().default(''), response1: z.string(), response2: z.string(), annotator1: vote, annotator2: vote, annotator3: vote })

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
    return { ...fromText(text, { ...task, instruction: undefined }), pair: { responses: [row.response1, row.response2], preferred } }
  },
}

const formats = { jsonl, hh, pandalm }

/** The named format; "auto" tells it by the fields of the first row. */
export function formatOf(name: 'auto' | keyof typeof formats, firstRow: unknown): Format {
  if (name !== 'auto') return formats[name]
  const has = (field: string) => typeof firstRow === 'object' && firstRow !== null && field in firstRow
  if (has('chosen') && has('rejected')) return hh
  if (has('annotator1') && has('instruction')) return pandalm
  return jsonl
}
