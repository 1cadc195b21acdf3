// What people preferred in a row: a better and a worse response, a vote on two, or a score of each of several.
import { asVote, type FieldNames } from '../contracts/field-names'
import type { HumanPair } from './row'
import { Unusable } from './unusable'
import { valueAt } from './value-at'

/** Responses of a row that are compared with each other: their pairs grow with the square. */
const MOST_RESPONSES = 16

export interface Preference {
  /** The fields they come from, for reasons. */
  field: string
  responses: unknown[]
  /**
   * The pairs of these responses as texts.
   * @param comparable whether pairs of empty or of equal responses are left out
   * @throws Unusable when none is left
   */
  pairs(texts: readonly string[], comparable: boolean): HumanPair[]
}

/** @returns undefined if the row compares nothing @throws Unusable when it does so in part */
export function preferenceIn(raw: object, names: FieldNames): Preference | undefined {
  const chosen = fieldIn(raw, names.chosen)
  const rejected = fieldIn(raw, names.rejected)
  if (chosen !== undefined && rejected !== undefined)
    return preferenceOf('chosen and rejected', [chosen, rejected], () => 1)
  const responses = listIn(raw, names.responses)
  const vote = names.preferred === undefined ? undefined : fieldIn(raw, asVote(names.preferred).field)
  const scores = listIn(raw, names.scores)
  if (!responses && vote === undefined && !scores) return undefined
  if (!responses || (vote === undefined && !scores))
    throw new Unusable('"responses" and "preferred" (1, 2, or 0 for a tie) or "scores" go together')
  if (responses.length < 2 || responses.length > MOST_RESPONSES)
    throw new Unusable(`"responses" are not two to ${MOST_RESPONSES}`)
  return vote === undefined ? byScores(responses, scores!) : byVote(responses, vote, names)
}

const fieldIn = (raw: object, name: string | undefined) => (name === undefined ? undefined : valueAt(raw, name))

/** The values of several fields, or the list in one; undefined if the row has none of them. */
function listIn(raw: object, names: string | readonly string[] | undefined): unknown[] | undefined {
  if (names === undefined) return undefined
  const values = typeof names === 'string' ? valueAt(raw, names) : names.map((name) => valueAt(raw, name))
  if (values === undefined || (typeof names !== 'string' && (values as unknown[]).every((v) => v === undefined)))
    return undefined
  if (!Array.isArray(values)) throw new Unusable('responses or scores that are no list')
  return values
}

function byVote(responses: unknown[], given: unknown, names: FieldNames): Preference {
  const { first, second, tie } = asVote(names.preferred!)
  const is = (values: readonly (string | number | boolean)[]) => values.some((value) => String(value) === String(given))
  const isText = typeof given !== 'object'
  const preferred = isText && is(first) ? 1 : isText && is(second) ? 2 : isText && is(tie) ? 0 : undefined
  if (preferred === undefined) throw new Unusable('a vote that is neither for the first, nor the second, nor a tie')
  if (responses.length !== 2) throw new Unusable('a vote on other than two responses')
  return preferenceOf('the responses', responses, () => preferred)
}

/** Higher is better; a response without a score is compared with none. */
function byScores(given: unknown[], scores: readonly unknown[]): Preference {
  if (scores.length !== given.length) throw new Unusable('not one score for each response')
  const rated = scores.map(numberIn).flatMap((score, i) => (score === undefined ? [] : [{ score, response: given[i] }]))
  if (rated.length < 2) throw new Unusable('fewer than two responses with a score')
  const scoreOf = (i: number) => rated[i]!.score
  return preferenceOf(
    'the responses',
    rated.map(({ response }) => response),
    (a, b) => (scoreOf(a) === scoreOf(b) ? 0 : scoreOf(a) > scoreOf(b) ? 1 : 2),
  )
}

function numberIn(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

function preferenceOf(
  field: string,
  responses: unknown[],
  preferredOf: (first: number, second: number) => 0 | 1 | 2,
): Preference {
  if (responses.includes(undefined)) throw new Unusable('a response is missing')
  const pairs = responses.flatMap((_, i) => responses.slice(i + 1).map((__, j) => [i, i + 1 + j] as const))
  return {
    field,
    responses,
    pairs(texts, comparable) {
      const all = pairs.map(([i, j]): HumanPair => ({
        responses: [texts[i]!, texts[j]!],
        preferred: preferredOf(i, j),
      }))
      const faults = comparable ? all.map(faultOf(field)) : []
      const left = all.filter((_, i) => faults[i] === undefined)
      if (left.length === 0) throw new Unusable(faults[0]!)
      return left
    },
  }
}

const faultOf =
  (field: string) =>
  ({ responses: [first, second] }: HumanPair): string | undefined =>
    first.trim() === '' || second.trim() === '' ? 'empty response' : first === second ? `${field} are equal` : undefined
