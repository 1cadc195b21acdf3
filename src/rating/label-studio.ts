// Items and ratings as Label Studio's tasks and annotations, and back. A rank is a Number of each response, a verdict a Choices.
import { z } from 'zod'
import { ranksOf } from '../evaluation/human'
import { InvalidInput, parse } from '../contracts/parse'
import { badAnswer, type Item, type Rate, type Rating, type RatingKind } from '../contracts/human-evaluation'

interface State {
  kind: RatingKind
  raters: readonly string[]
  ratings: readonly Rating[]
}

const CHOICES = ['not good', 'good'] as const

export function labelStudioConfig(kind: RatingKind, responses: number): string {
  const field = (n: number) =>
    kind === 'rank'
      ? `  <Number name="rank_${n}" toName="response_${n}" min="1" max="${responses}" required="true"/>`
      : `  <Choices name="verdict_${n}" toName="response_${n}" required="true"><Choice value="good"/><Choice value="not good"/></Choices>`
  const cards = Array.from(
    { length: responses },
    (_, i) =>
      `  <Header value="Response ${i + 1}"/>\n  <Text name="response_${i + 1}" value="$response_${i + 1}"/>\n${field(i + 1)}`,
  )
  return `<View>\n  <Text name="context" value="$context"/>\n${cards.join('\n')}\n</View>\n`
}

/** One task an item; `meta` names it, so that it finds its way back. */
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

/** @throws InvalidInput naming the task that does not fit */
export function fromLabelStudio(given: unknown, { kind, raters }: Pick<State, 'kind' | 'raters'>): Rate[] {
  return parse(tasksSchema, given, 'ratings').flatMap(({ meta: { item }, annotations }) =>
    annotations
      .filter(({ was_cancelled }) => !was_cancelled)
      .map(({ completed_by, lead_time, result }): Rate => {
        if (!raters.includes(completed_by))
          throw new InvalidInput(
            `ratings: the task of item ${item} was completed by ${completed_by}, who is no rater of this evaluation (${raters.join(', ')})`,
          )
        const values = result.flatMap(({ from_name, value }) => {
          const place = Number(/_(\d+)$/.exec(from_name)?.[1]) - 1
          return Number.isNaN(place)
            ? []
            : [
                {
                  place,
                  value: kind === 'rank' ? (value.number ?? NaN) - 1 : CHOICES.indexOf(value.choices?.[0] as 'good'),
                },
              ]
        })
        const byPlace = values.sort((a, b) => a.place - b.place).map(({ value }) => value)
        const answer = kind === 'rank' ? byPlace.map((_, rank) => byPlace.indexOf(rank)) : byPlace
        const wrong = answer.some((value) => value < 0)
          ? 'leaves a response out, or ranks two alike'
          : badAnswer(kind, answer, byPlace.length)
        if (wrong) throw new InvalidInput(`ratings: the annotation of item ${item} by ${completed_by} ${wrong}`)
        return { rater: completed_by, item, answer, seconds: lead_time ?? 0 }
      }),
  )
}
