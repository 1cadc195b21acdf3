// Who answers labelling questions. Everything in feedback/ asks through this one interface.
import type { Usage } from '../contracts/usage'
import { largest } from '../extremes'

/** The setting that configures a labeler: messages name its fields, e.g. `judge.apiKeyEnv`, `labeler.jury.1.maxCost`. */
export type LabelerRole = Role | `${Role}.jury.${number}`
export type Role = 'labeler' | 'judge' | WatchRole
export type WatchRole = 'rl.watch.labeler' | 'onlineDpo.watch.labeler'

/** A question: the labeler continues the text after `ending`. */
export interface Question {
  /** Preamble, exemplars and sample. */
  text: string
  /** Where the answer begins, e.g. "Preferred Summary=". */
  ending: string
}

/** How likely each of a few short options is as the answer. */
export interface OptionAnswer {
  /** log P of each option; undefined where the labeler did not return it or the option is not one token. */
  logProbs: (number | undefined)[]
  /** The least log P that was returned: a missing option has at most this. Undefined where nothing was cut off. */
  floor?: number | undefined
  /** The labeler returns no log-probabilities: these are shares of this many sampled answers. */
  counted?: number | undefined
  /** Where none of the options was returned: what was, for the message. */
  likeliest?: string | undefined
}

/** Whether an answer tells something about its options; that a single option was not returned does. */
export const saysSomething = ({ logProbs }: Pick<OptionAnswer, 'logProbs'>): boolean =>
  logProbs.length === 1 || logProbs.some((logProb) => logProb !== undefined && logProb > -Infinity)

/** The end of a message about an answer that is none of the options. */
export const insteadOf = ({ likeliest }: Pick<OptionAnswer, 'likeliest'>): string =>
  likeliest === undefined ? '' : `; the likeliest is ${likeliest}`

/** A text that a labeler wrote: ended by itself, or cut off at `maxTokens`. */
export type Written = string | { text: string; cut: true }

/** A text by its end: what stops at `maxTokens` is whole if all that is needed of it has been written. */
export const writtenText = (text: string, isCut: boolean, { endsBefore }: WritingSettings): Written =>
  isCut && !(endsBefore !== undefined && text.includes(endsBefore)) ? { text, cut: true } : text

/** Whether nothing comes before the answer: without reasons it is not what was asked for. */
export function lacksRationale(text: string, { endsBefore }: WritingSettings): boolean {
  const end = endsBefore === undefined ? -1 : text.indexOf(endsBefore)
  return (end < 0 ? text : text.slice(0, end)).trim() === ''
}

/** A question that got no answer. */
export interface Unanswered {
  failed: string
  /** The prompt is longer than the labeler's context: asking again would not help. */
  tooLong?: true
  /** Two answers about one response each are equal and certain: asking again would not help. */
  tied?: true
}

export interface WritingSettings {
  maxTokens: number
  /** 0 is greedy. */
  temperature: number
  /** 0 is all tokens. */
  topK: number
  seed: number
  /** What follows this text is not needed, e.g. the beginning of the answer after a rationale. */
  endsBefore?: string
}

/** Called with each answer as it arrives, the index of its question, and what it took if an endpoint was asked. */
export type OnAnswer<T> = (index: number, answer: T | Unanswered, usage?: Usage) => void

export interface Labeler {
  /** Named in labels and reports. */
  name: string
  /** What an answer depends on besides the question: model, route, … */
  identity: object
  /**
   * Answers are computed in groups of this many questions: computed next to other questions they would differ by
   * rounding. Undefined where each answer stands alone.
   */
  groupSize?: number
  /**
   * The tokens that may come first where an answer is this text: none if it is one token after the ending, or if whole
   * words are counted. Undefined where the vocabulary is not known.
   */
  beginnings?(ending: string, text: string): string[]
  /** One answer for each question, in order; a question that fails does not fail the others. */
  ask(
    questions: readonly Question[],
    options: readonly string[],
    onAnswer?: OnAnswer<OptionAnswer>,
  ): Promise<(OptionAnswer | Unanswered)[]>
  /** One continuation for each question, in order; one that is empty is unanswered. */
  write(
    questions: readonly Question[],
    settings: WritingSettings,
    onAnswer?: OnAnswer<Written>,
  ): Promise<(Written | Unanswered)[]>
}

export const isUnanswered = (answer: unknown): answer is Unanswered =>
  typeof answer === 'object' && answer !== null && 'failed' in answer

/** log Σ exp over what is known; undefined when nothing is. */
export function logSumExp(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((v) => v !== undefined)
  if (known.length === 0) return undefined
  const top = largest(known)
  return top === -Infinity ? -Infinity : top + Math.log(known.reduce((sum, v) => sum + Math.exp(v - top), 0))
}
