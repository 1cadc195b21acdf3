// Who answers labelling questions. Everything in feedback/ asks through this one interface.

/** A question whose answer is one of a few short options: the labeler goes on writing after `ending`. */
export interface Question {
  /** Preamble and sample. */
  text: string
  /** Where the answer begins, e.g. "Preferred Summary=". */
  ending: string
}

/** log P of each option as the next token, over the whole vocabulary; undefined where the labeler does not say or the option is not one token. */
export type OptionLogProbs = (number | undefined)[]

/** A question that got no answer. */
export interface Unanswered {
  failed: string
}

export interface Labeler {
  /** Named in labels and reports. */
  name: string
  /** One answer a question, in order; a question that fails does not fail the others. */
  ask(questions: readonly Question[], options: readonly string[], onProgress?: (answered: number) => void): Promise<(OptionLogProbs | Unanswered)[]>
}

export const isUnanswered = (answer: unknown): answer is Unanswered => typeof answer === 'object' && answer !== null && 'failed' in answer

/** log Σ exp over what is known; undefined when nothing is. */
export function logSumExp(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((v) => v !== undefined)
  if (known.length === 0) return undefined
  const top = Math.max(...known)
  return top === -Infinity ? -Infinity : top + Math.log(known.reduce((sum, v) => sum + Math.exp(v - top), 0))
}
