// Items and ratings as Label Studio's tasks and annotations. Each response has its rank as a Number or its verdict as a
// Choices.
import { ranksOf } from '../evaluation/human'
import type { Item, Rating, RatingKind } from '../contracts/human-evaluation'

interface State {
  kind: RatingKind
  raters: readonly string[]
  ratings: readonly Rating[]
}

/** What a rater chooses for verdict 0 and 1. */
export const CHOICES = ['not good', 'good'] as const

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
