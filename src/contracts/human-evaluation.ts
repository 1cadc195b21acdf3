// What a human evaluation keeps: items that raters see, and what they said.
import { z } from 'zod'

/** "rank": responses from best to worst, without ties (paper §3.4, Appendix I); "verdict": each by itself, good or not (harmlessness). */
export const ratingKind = z.enum(['rank', 'verdict'])
export type RatingKind = z.infer<typeof ratingKind>

/** What raters see of an item: responses in a shuffled order, without the policies' names. */
export const itemSchema = z.strictObject({ context: z.string(), responses: z.array(z.string()).min(1) })
export type Item = z.infer<typeof itemSchema>

/** What they do not see: whose response stands at each place. An attention check has one that is nobody's, and evidently the worst. */
export const keySchema = z.strictObject({
  id: z.string(),
  policies: z.array(z.string()),
  check: z.boolean().default(false),
})
export type ItemKey = z.infer<typeof keySchema>
/** Of an attention check: in the place of a policy's name. */
export const SPOILED = '(spoiled)'

const place = z.number().int().min(0)
/** "rank": places of the responses from best to worst; "verdict": 1 for good and 0 for not, by place. */
export const answerSchema = z.array(place).min(1).max(16)

/** The message a rater's click becomes. */
export const rateSchema = z.strictObject({
  rater: z.string().min(1),
  item: place,
  answer: answerSchema,
  seconds: z.number().min(0).max(86_400),
})
export type Rate = z.infer<typeof rateSchema>

/** [item, rater, answer, seconds], short because thousands of them travel from run to run. */
export const ratingSchema = z.tuple([place, place, answerSchema, z.number()])
export type Rating = z.infer<typeof ratingSchema>

/** What the page asks of the run. */
export interface RaterView {
  kind: RatingKind
  /** Undefined before the items are drawn. */
  items?: string
  /** The next item of this rater; null when there is none left. */
  item: number | null
  rated: number
  /** Items that still want ratings, of anyone. */
  open: number
  over: boolean
}

/** What is wrong with an answer, or undefined. */
export function badAnswer(kind: RatingKind, answer: readonly number[], responses: number): string | undefined {
  if (answer.length !== responses) return `wants ${responses} numbers, got ${answer.length}`
  if (kind === 'verdict')
    return answer.every((value) => value <= 1) ? undefined : 'wants 1 (good) or 0 for each response'
  return [...answer].sort((a, b) => a - b).every((value, i) => value === i)
    ? undefined
    : 'wants each response once, from best to worst: no ties'
}
