// The data of a human evaluation: the items that raters see, and their ratings.
import { z } from 'zod'

/**
 * "rank": responses from best to worst, without ties (paper §3.4, Appendix I);
 * "verdict": each response by itself, good or not (harmlessness).
 */
export const ratingKind = z.enum(['rank', 'verdict'])
export type RatingKind = z.infer<typeof ratingKind>

/** What raters see of an item: responses in a shuffled order, without the names of the policies. */
export const itemSchema = z.strictObject({ context: z.string(), responses: z.array(z.string()).min(1) })
export type Item = z.infer<typeof itemSchema>

/**
 * What raters do not see of an item: which policy each of its responses comes from. One response of an attention check
 * comes from no policy and is evidently the worst.
 */
export const itemKeySchema = z.strictObject({
  id: z.string(),
  policies: z.array(z.string()),
  check: z.boolean().default(false),
})
export type ItemKey = z.infer<typeof itemKeySchema>
/** Stands in the place of a policy's name for the worst response of an attention check. */
export const SPOILED = '(spoiled)'

const index = z.number().int().min(0)
/** "rank": indices of the responses from best to worst; "verdict": 1 (good) or 0 for each response, in their order. */
const answerSchema = z.array(index).min(1).max(16)

/** A rating as it is sent to the run, by the page or from a file. */
export const ratingMessageSchema = z.strictObject({
  rater: z.string().min(1).max(100),
  item: index,
  answer: answerSchema,
  seconds: z.number().min(0).max(86_400),
  /** From a file of ratings, whose order is not that of the page. */
  imported: z.literal(true).optional(),
})
export type RatingMessage = z.infer<typeof ratingMessageSchema>

/** A rating as the run keeps it: [item, rater, answer, seconds], short because thousands travel from run to run. */
export const ratingSchema = z.tuple([index, index, answerSchema, z.number()])
export type Rating = z.infer<typeof ratingSchema>

/** What the run answers to the page of a rater. */
export interface RaterView {
  kind: RatingKind
  /** URI of the items; undefined before they are drawn. */
  items?: string
  /** The next item of this rater; null when there is none left. */
  item: number | null
  /** The items that a page of this rater may show: those that were next since their last rating. */
  offered?: readonly number[]
  /** Number of items this rater has rated. */
  rated: number
  /** Number of items that still need this rater. */
  open: number
  over: boolean
}

/** @returns what is wrong with an answer, or undefined */
export function badAnswer(kind: RatingKind, answer: readonly number[], responses: number): string | undefined {
  if (answer.length !== responses) return `must have ${responses} numbers, got ${answer.length}`
  if (kind === 'verdict')
    return answer.every((value) => value <= 1) ? undefined : 'must be 1 (good) or 0 for each response'
  return [...answer].sort((a, b) => a - b).every((value, i) => value === i)
    ? undefined
    : 'must list each response once, from best to worst: no ties'
}
