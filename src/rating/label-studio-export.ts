// Ratings in what Label Studio exports, as JSON or JSON-MIN: tasks as they were imported, with annotations by users whom it
// names by number, or by email where it expands them.
import { z } from 'zod'
import { badAnswer, type Item, type RatingKind, type RatingMessage } from '../contracts/human-evaluation'
import { InvalidInput, parse } from '../contracts/parse'
import { CHOICES } from './label-studio'

interface Evaluation {
  kind: RatingKind
  raters: readonly string[]
  items: readonly Item[]
  /** Raters by the number or email of their user. */
  users: Readonly<Record<string, string>>
}

// ---- What is exported

const resultSchema = z.looseObject({
  from_name: z.string(),
  value: z.looseObject({ number: z.number().nullish(), choices: z.array(z.string()).nullish() }),
})
/** The names that a user goes by. */
const userSchema = z.union([
  z
    .looseObject({ id: z.number().nullish(), email: z.string().nullish() })
    .transform(({ id, email }) => [email, id].filter((name) => name !== undefined && name !== null).map(String)),
  z.union([z.string(), z.number()]).transform((name) => [String(name)]),
])
const annotationSchema = z.looseObject({
  completed_by: userSchema,
  lead_time: z.number().nullish(),
  was_cancelled: z.boolean().nullish(),
  result: z.array(resultSchema),
})
type Annotation = z.infer<typeof annotationSchema>

const taskSchema = z.looseObject({
  id: z.union([z.number(), z.string()]).nullish(),
  meta: z.looseObject({ item: z.number().int().nullish() }).nullish(),
  data: z.record(z.string(), z.unknown()),
  annotations: z.array(annotationSchema),
})
type Task = z.infer<typeof taskSchema>

/** JSON-MIN puts the data, one annotation and its results into one object. */
const minimalSchema = z.looseObject({ annotator: userSchema, lead_time: z.number().nullish() })

const exportSchema = z.array(z.union([taskSchema, minimalSchema.transform(fromMinimal)]))

function fromMinimal({ annotator, lead_time, ...fields }: z.infer<typeof minimalSchema>): Task {
  const result = Object.entries(fields).flatMap(([name, given]) => {
    if (!/^(rank|verdict)_\d+$/.test(name)) return []
    const value: unknown = Array.isArray(given) ? given[0] : given
    const { success, data } = resultSchema.safeParse({
      from_name: name,
      value: typeof value === 'string' ? { choices: [value] } : value,
    })
    return success ? [data] : []
  })
  return {
    id: fields.id as number | undefined,
    data: fields,
    annotations: [{ completed_by: annotator, lead_time, result }],
  }
}

// ---- As ratings

/** @throws InvalidInput naming the task that does not fit */
export function fromLabelStudio(given: unknown, evaluation: Evaluation): RatingMessage[] {
  const number = itemNumbers(evaluation.items)
  return parse(exportSchema, given, 'ratings').flatMap((task) => {
    const annotations = task.annotations.filter(({ was_cancelled }) => !was_cancelled)
    return annotations.map((annotation) => ratingOf(number(task), annotation, evaluation))
  })
}

const keyOf = (context: unknown, responses: readonly unknown[]) => JSON.stringify([context, ...responses])

/** Finds the item of a task: by its number in `meta`, which is not in every export, or by its texts. */
function itemNumbers(items: readonly Item[]): (task: Task) => number {
  const byTexts = new Map(items.map(({ context, responses }, i) => [keyOf(context, responses), i]))
  return ({ id, meta, data }) => {
    const responses = Object.keys(data).filter((name) => /^response_\d+$/.test(name)).length
    const texts = keyOf(
      data.context,
      Array.from({ length: responses }, (_, at) => data[`response_${at + 1}`]),
    )
    const number = meta?.item ?? byTexts.get(texts)
    const item = number === undefined ? undefined : items[number]
    if (!item || keyOf(item.context, item.responses) !== texts)
      throw new InvalidInput(
        `ratings: task ${id ?? '(no id)'} is no item of this evaluation: its context and responses are those of none; ` +
          'was it exported from the tasks of this run?',
      )
    return number!
  }
}

function ratingOf(item: number, annotation: Annotation, { kind, raters, users }: Evaluation): RatingMessage {
  const rater = raterOf(item, annotation.completed_by, raters, users)
  const values = valuesByResponse(kind, annotation.result)
  const answer = kind === 'rank' ? values.map((_, rank) => values.indexOf(rank)) : values
  const problem = answer.some((value) => value < 0)
    ? 'leaves a response out, or gives two the same rank'
    : badAnswer(kind, answer, values.length)
  if (problem) throw new InvalidInput(`ratings: the annotation of item ${item} by ${rater} ${problem}`)
  return { rater, item, answer, seconds: annotation.lead_time ?? 0 }
}

function raterOf(
  item: number,
  names: readonly string[],
  raters: readonly string[],
  users: Evaluation['users'],
): string {
  const known = names.map((name) => (Object.hasOwn(users, name) ? users[name]! : name))
  const rater = known.find((name) => raters.includes(name))
  if (rater !== undefined) return rater
  const [name = ''] = names
  throw new InvalidInput(
    `ratings: the task of item ${item} was completed by ${name}, who is no rater of this evaluation ` +
      `(${raters.join(', ')}); say who it is: --rater ${name}=${raters[0] ?? 'NAME'}`,
  )
}

/** Rank from 0, or verdict, of each response in the order shown; NaN or -1 where the annotation has none. */
function valuesByResponse(kind: RatingKind, result: Annotation['result']): number[] {
  return result
    .map(({ from_name, value: { number, choices } }) => ({
      response: Number(/_(\d+)$/.exec(from_name)?.[1]) - 1,
      value: kind === 'rank' ? (number ?? NaN) - 1 : CHOICES.indexOf(choices?.[0] as 'good'),
    }))
    .filter(({ response }) => !Number.isNaN(response))
    .sort((a, b) => a.response - b.response)
    .map(({ value }) => value)
}

/** @param given such as "1=anna" @returns raters by user */
export function usersIn(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1 || at === pair.length - 1)
        throw new InvalidInput(`--rater got "${pair}"; it must be USER=RATER, e.g. 1=anna`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
