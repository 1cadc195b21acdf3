// Labels for other tools: rows in TRL's conversational preference format, with what the labeler said beside it.
// https://huggingface.co/docs/trl/dataset_formats#preference
import { z } from 'zod'
import { messageSchema, type HumanPair, type Message, type Row } from '../data/row'
import { isUndecided } from './preference-label'

const text = z.object({ text: z.string() })
/** What is exported of a labelled pair as stages write it. */
export const exportableSchema = z.object({
  id: z.string(),
  messages: z.array(messageSchema),
  first: text,
  second: text,
  /** P(the first is better). */
  preferFirst: z.number().min(0).max(1),
  /** P(slot one) of each order asked: the first response is in slot one of the first order, and two of the second. */
  slotOne: z.array(z.number()),
  rationales: z.array(z.string()).optional(),
  labeler: z.string(),
})
export type Exportable = z.infer<typeof exportableSchema>

export interface ExportedLabel {
  id: string
  prompt: Message[]
  chosen: Message[]
  rejected: Message[]
  /** The label: P(chosen is better), above one half. */
  probability: number
  /** The same of each order asked: chosen, as the pair was given, and swapped. Empty where responses were asked alone. */
  probability_by_order: number[]
  rationales: string[]
  labeler: string
  /** What people preferred of the same two responses; null where nobody was asked, or they saw a tie. */
  people_chose: 'chosen' | 'rejected' | null
}

/**
 * @param people what people decided about the pairs of the prompt
 * @returns undefined when the label prefers neither response
 */
export function exportedLabel(label: Exportable, people: readonly HumanPair[] = []): ExportedLabel | undefined {
  const { id, messages, first, second, preferFirst, slotOne, rationales = [], labeler } = label
  if (isUndecided(preferFirst)) return undefined
  const isFirst = preferFirst > 0.5
  const ofFirst = slotOne.map((p, order) => (order === 0 ? p : 1 - p))
  const [chosen, rejected] = isFirst ? [first.text, second.text] : [second.text, first.text]
  return {
    id,
    prompt: messages,
    chosen: [{ role: 'assistant', content: chosen }],
    rejected: [{ role: 'assistant', content: rejected }],
    probability: isFirst ? preferFirst : 1 - preferFirst,
    probability_by_order: ofFirst.map((p) => (isFirst ? p : 1 - p)),
    rationales,
    labeler,
    people_chose: choiceOfPeople(people, chosen, rejected),
  }
}

function choiceOfPeople(people: readonly HumanPair[], chosen: string, rejected: string): 'chosen' | 'rejected' | null {
  for (const { responses, preferred } of people) {
    if (preferred === 0) continue
    const [better, worse] = preferred === 1 ? responses : [responses[1], responses[0]]
    if (better === chosen && worse === rejected) return 'chosen'
    if (better === rejected && worse === chosen) return 'rejected'
  }
  return null
}

/** What people decided, by the ID of the row; the pairs of a row have its ID, and a number from the second on. */
export function peopleByRow(rows: Iterable<Pick<Row, 'id' | 'pairs'>>): (labelId: string) => readonly HumanPair[] {
  const byRow = new Map<string, readonly HumanPair[]>()
  for (const { id, pairs = [] } of rows) if (pairs.length > 0) byRow.set(id, pairs)
  return (id) => byRow.get(id) ?? byRow.get(id.replace(/#\d+$/, '')) ?? []
}
