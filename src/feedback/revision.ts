// Critique and revision (Bai et al., Constitutional AI, arXiv 2212.08073, §3.1): a response is criticized by a principle of
// the task and then rewritten, by the model itself or by another one; and again, with another principle.
//
//   principle of round j = P[⌊n · u(seed, context, j)⌋]           n principles P, u uniform in [0, 1)
//   c_j = W(context, y_{j−1}, principle; "Critique:")             y_0: the response, W: who writes
//   y_j = W(context, y_{j−1}, principle, c_j; "Revision:")
//
// Departures from the paper:
//   1. One wording of both requests for all principles; there, each principle has its own two.
//   2. No worked examples before the request.
//   3. A critique or revision that could not be written leaves the response without a revision, and is counted: nothing is
//      learned from a response that was only criticized.
import { uniform } from '../random'
import { isUnanswered, type Labeler, type Question, type Unanswered, type Written } from './labeler'
import type { SingleResponse } from './prompt'

export interface RevisionRound {
  /** Index of the principle. */
  principle: number
  critique: string
  revision: string
}

export interface Revised {
  /** The last revision. */
  text: string
  rounds: RevisionRound[]
  /** Whether a text ended at its limit. */
  cut: boolean
}

export interface Revising {
  principles: readonly string[]
  rounds: number
  /** 0 is greedy. */
  temperature: number
  critiqueTokens: number
  revisionTokens: number
  seed: number
  /** Called with the number of responses done so far, as a mean over all texts that are written. */
  onProgress?: ((done: number) => void) | undefined
}

/** The index of the principle of a round, from 0. */
export const principleOfRound = (context: string, count: number, seed: number, round: number): number =>
  Math.floor(count * uniform([seed, 'revise', context, round]))

const shown = ({ context, response }: SingleResponse, principle: string) =>
  `You help an assistant to answer better.\n\nConversation:\n${context}\n\nThe assistant's response:\n${response}\n\n` +
  `Principle: ${principle}`

export const critiqueQuestion = (one: SingleResponse, principle: string): Question => ({
  text:
    `${shown(one, principle)}\n\nCriticize the response by the principle: say where it departs from it, in a few ` +
    'sentences.\n',
  ending: 'Critique:',
})

export const revisionQuestion = (one: SingleResponse, principle: string, critique: string): Question => ({
  text:
    `${shown(one, principle)}\n\nCritique: ${critique}\n\nRewrite the response so that it follows the principle. Write ` +
    'the new response alone.\n',
  ending: 'Revision:',
})

const textOf = (written: Written): string => (typeof written === 'string' ? written : written.text).trim()
const isCut = (written: Written): boolean => typeof written === 'object'

/** One revised response for each response, in order. */
export async function reviseResponses(
  labeler: Labeler,
  responses: readonly SingleResponse[],
  { principles, rounds, temperature, critiqueTokens, revisionTokens, seed, onProgress }: Revising,
): Promise<(Revised | Unanswered)[]> {
  const revised: (Revised | Unanswered)[] = responses.map(({ response }) => ({
    text: response,
    rounds: [],
    cut: false,
  }))
  let written = 0
  const onAnswer = () => onProgress?.(Math.floor(++written / (2 * rounds)))
  /** Has a text written for each response that is left. */
  const write = async (question: (i: number) => Question, maxTokens: number, at: number) => {
    const left = responses.flatMap((_, i) => (isUnanswered(revised[i]) ? [] : [i]))
    const settings = { maxTokens, temperature, topK: 0, seed: seed + at }
    const texts = await labeler.write(left.map(question), settings, onAnswer)
    return new Map(left.map((i, place) => [i, texts[place]!]))
  }
  for (let round = 0; round < rounds; round++) {
    const drawn = responses.map(({ context }) => principleOfRound(context, principles.length, seed, round))
    const now = (i: number) => ({ context: responses[i]!.context, response: (revised[i] as Revised).text })
    const principle = (i: number) => principles[drawn[i]!]!
    const critiques = await write((i) => critiqueQuestion(now(i), principle(i)), critiqueTokens, 2 * round)
    for (const [i, critique] of critiques) if (isUnanswered(critique)) revised[i] = critique
    const critiqueOf = (i: number) => textOf(critiques.get(i) as Written)
    const revisions = await write(
      (i) => revisionQuestion(now(i), principle(i), critiqueOf(i)),
      revisionTokens,
      2 * round + 1,
    )
    for (const [i, revision] of revisions) {
      const before = revised[i] as Revised
      revised[i] = isUnanswered(revision)
        ? revision
        : {
            text: textOf(revision),
            rounds: [...before.rounds, { principle: drawn[i]!, critique: critiqueOf(i), revision: textOf(revision) }],
            cut: before.cut || isCut(revision) || isCut(critiques.get(i) as Written),
          }
    }
  }
  return revised
}
