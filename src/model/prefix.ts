// Prefix caching: the common beginning of all prompts of a call is computed once. Labelling prompts, for example, share
// their preamble and exemplars.
import type { KeysAndValues } from './attend'
import { padRight } from './batch'
import type { Model } from './model'
import { tf } from './tf'
import { hiddenWithKeys } from './transformer'
import { smallest } from '../extremes'

type Ids = readonly number[]

export interface SharedPrefix {
  /** Number of tokens, P. */
  length: number
  /** Keys and values, one for each layer. */
  layers: KeysAndValues[] // [1, K, P, C] each
}

/**
 * Computes the common prefix of the prompts. It leaves each prompt at least one token of its own.
 * @param shortest in tokens
 * @returns undefined if the prefix is shorter than `shortest`
 */
export function openPrefix(model: Model, prompts: readonly Ids[], shortest: number): SharedPrefix | undefined {
  const most = smallest(prompts.map((prompt) => prompt.length)) - 1
  const length = prompts.length > 1 ? commonLength(prompts, most) : 0
  if (length < shortest) return undefined
  const { hidden, layers } = hiddenWithKeys(model, padRight([prompts[0]!.slice(0, length)]))
  hidden.dispose()
  return { length, layers }
}

/** Frees the keys and values. */
export function disposePrefix(prefix: SharedPrefix | undefined): void {
  for (const { k, v } of prefix?.layers ?? []) tf.dispose([k, v])
}

/** The number of tokens that all prompts begin with, at most `most`. */
export function commonLength(prompts: readonly Ids[], most: number): number {
  const first = prompts[0]!
  let length = 0
  while (length < most && prompts.every((prompt) => prompt[length] === first[length])) length++
  return length
}
