// How a labeler is asked, as settings say it: about pairs, or about each response alone.
import type { Criterion } from '../data/task'
import type { Prompting } from './prompt'

/** How a labeler is asked about both responses of a pair. */
export interface Pairwise extends Prompting {
  comparison: 'pairwise'
  /** Number of rationales for each order (self-consistency, Appendix M). */
  samples: number
  /** Sampling temperature of the rationales; the answer is always read at temperature 1. */
  temperature: number
  /** Sample the rationales only from the k most likely tokens; 0 means all. */
  topK: number
  /** Maximum length of a rationale. */
  rationaleTokens: number
  /** 1 asks in the given order only, 2 in the swapped order as well. */
  orders: 1 | 2
  labels: 'soft' | 'hard'
}
/** Each response is asked about alone (pointwise.ts). */
export interface Pointwise {
  comparison: 'pointwise'
  labels: 'soft' | 'hard'
}
/** What a task gives labelers beside its own questions, where a technique asks for it. */
export interface Guidance {
  /** Questions about one response are those of the rubric (rubric.ts). */
  rubric?: readonly Criterion[]
  /** Each question about a pair shows one of them (principles.ts). */
  principles?: readonly string[]
}
export type Technique = (Pairwise | Pointwise) & { guidance?: Guidance }

/** In how many orders a pair is asked; 0 where each response is asked about alone. */
export const ordersOf = (technique: Technique): 0 | 1 | 2 =>
  technique.comparison === 'pointwise' ? 0 : technique.orders

/** The zero-shot question in both orders. */
export const PLAIN: Pairwise = {
  comparison: 'pairwise',
  preamble: 'base',
  exemplars: 0,
  chainOfThought: false,
  samples: 1,
  temperature: 0,
  topK: 40,
  rationaleTokens: 512,
  orders: 2,
  labels: 'soft',
}
