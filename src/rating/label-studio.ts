// Items and ratings as Label Studio's tasks and annotations, and back. Each response has its rank as a Number or its
// verdict as a Choices.
import { z } from 'zod'
import { ranksOf } from '../evaluation/human'
import { InvalidInput, parse } from '../contracts/parse'
import { badAnswer, type Item, type RatingMessage, type Rating, type RatingKind } from '../contracts/human-evaluation'

interface State {
  kind: RatingKind
  raters: readonly string[]
  ratings: readonly Rating[]
}

const CHOICES = ['not good', 'good'] as const

export function labelStudioConfig(kind: RatingKind, responses: number): string {
  const field = (n: number) =>
    kind === 'rank'
      ? `<Number name="rank_${n}" toName="response_${n}" min="1" max="${responses}" required="true"/>`
      : [
          `<Choices name="verdict_${n}" toName="response_${n}" required="true">`,
          '<Choice value="good"/><Choice value="not good"/></Choices>',
        ].join('')
  const cards = Array.from({ length: responses }, (_, i) => [
    `<Header value="Response ${i + 1}"/>`,
    `<Text name="response_${i + 1}" value="$response_${i + 1}"/>`,
    field(i + 1),
  ])
  const lines = ['<Text name="context" value="$context"/>', ...cards.flat()].map((line) => `  ${line}`)
  return ['<View>', ...lines, '</View>', ''].join('\n')
}

/** One task for each item; `meta` names the item, so that annotations can be imported again. */
export function toLabelStudio(items: readonly Item[], { kind, raters, ratings }: State): object[] {
  return items.map(({ context, responses }, i) => ({
    id: i + 1,
    meta: { item: i },
    data: { context, ...Object.fromEntries(responses.map((text, at) => [`response_${at + 1}`, text])) },
    annotations: ratings
      .filter(([item]) => item === i)
      .map(([, rater, answer, seconds]) => ({
        completed_by: { email: raters[rater] },
        lead_time: seconds,
        result: resultOf(kind, answer),
      })),
  }))
}

function resultOf(kind: RatingKind, answer: readonly number[]): object[] {
  if (kind === 'verdict')
    return answer.map((good, at) => ({
      from_name: `verdict_${at + 1}`,
      to_name: `response_${at + 1}`,
      type: 'choices',
      value: { choices: [CHOICES[good]] },
    }))
  return ranksOf(answer).map((rank, at) => ({
    from_name: `rank_${at + 1}`,
    to_name: `response_${at + 1}`,
    type: 'number',
    value: { number: rank },
  }))
}

const resultSchema = z.looseObject({
  from_name: z.string(),
  value: z.looseObject({ number: z.number().optional(), choices: z.array(z.string()).optional() }),
})
/** A rater by email, or by what stands in its place. */
const completedBy = z.union([
  z.looseObject({ email: z.string() }).transform(({ email }) => email),
  z.union([z.string(), z.number()]).transform(String),
])
const tasksSchema = z.array(
  z.looseObject({
    meta: z.looseObject({ item: z.number().int() }),
    annotations: z.array(
      z.looseObject({
        completed_by: completedBy,
        lead_time: z.number().nullish(),
        was_cancelled: z.boolean().optional(),
        result: z.array(resultSchema),
      }),
    ),
  }),
)

type Annotation = z.infer<typeof tasksSchema>[number]['annotations'][number]

/** @throws InvalidInput naming the task that does not fit */
export function fromLabelStudio(given: unknown, { kind, raters }: Pick<State, 'kind' | 'raters'>): RatingMessage[] {
  const rateOf = (item: number, { completed_by, lead_time, result }: Annotation): RatingMessage => {
    if (!raters.includes(completed_by))
      throw new InvalidInput(
        `ratings: the task of item ${item} was completed by ${completed_by}, ` +
          `who is no rater of this evaluation (${raters.join(', ')})`,
      )
    const values = valuesByResponse(kind, result)
    const answer = kind === 'rank' ? values.map((_, rank) => values.indexOf(rank)) : values
    const problem = answer.some((value) => value < 0)
      ? 'leaves a response out, or gives two the same rank'
      : badAnswer(kind, answer, values.length)
    if (problem) throw new InvalidInput(`ratings: the annotation of item ${item} by ${completed_by} ${problem}`)
    return { rater: completed_by, item, answer, seconds: lead_time ?? 0 }
  }
  return parse(tasksSchema, given, 'ratings').flatMap(({ meta: { item }, annotations }) =>
    annotations.filter(({ was_cancelled }) => !was_cancelled).map((annotation) => rateOf(item, annotation)),
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
