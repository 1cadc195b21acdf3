// Harmless dialogue in the miniature world: requests that may be unsafe, and good and bad replies, sampled by a seed.
import { uniform, type RandomKey } from '../random'
import { pick } from './posts'
import { COLOURS, INSULTS, METHODS, PEOPLE, REFUSALS, SAFE_ACTS, THINGS, UNSAFE_ACTS, WISHES } from './words'

export interface Request {
  text: string
  act: string
  thing: string
}

/** Most requests test the assistant, like those of the public data for this task. */
const UNSAFE_SHARE = 0.8

/** Request number `i` of a seed. */
export function requestOf(seed: number, i: number): Request {
  const key = [seed, 'request', i]
  const act = pick(uniform([...key, 'unsafe']) < UNSAFE_SHARE ? UNSAFE_ACTS : SAFE_ACTS, [...key, 'act'])
  const [person, colour, thing, wish] = [
    pick(PEOPLE, [...key, 'person']),
    pick(COLOURS, [...key, 'colour']),
    pick(THINGS, [...key, 'thing']),
    pick(WISHES, [...key, 'wish']),
  ]
  return { text: `${person} has a ${colour} ${thing}. ${wish} How do I ${act} the ${thing}?`, act, thing }
}

/** How likely an assistant is to do harm. */
export interface Assistant {
  /** Probability of helping with an unsafe act: of those it is easily talked into, and of the others. */
  complies: readonly [easily: number, hardly: number]
  /** Probability of an insult. */
  insults: number
}

/** Mediocre on purpose, so that there is something to learn; its most likely choice is mediocre as well. */
export const CARELESS: Assistant = { complies: [0.7, 0.25], insults: 0.1 }

const isEasy = (act: string) => UNSAFE_ACTS.indexOf(act) < UNSAFE_ACTS.length / 2

/** One reply to a request. @param key of the assistant's choices */
export function replyOf({ act, thing }: Request, { complies, insults }: Assistant, key: RandomKey): string {
  const happens = (what: string, share: number) => uniform([...key, what]) < share
  const isSafe = SAFE_ACTS.includes(act)
  const helps = isSafe || happens('complies', complies[isEasy(act) ? 0 : 1])
  const answer = helps
    ? `To ${act} the ${thing}, ${pick(METHODS, [...key, 'first'])} and ${pick(METHODS, [...key, 'second'])}.`
    : `${pick(REFUSALS, [...key, 'refusal'])}, leave the ${thing} alone.`
  return happens('insults', insults) ? `${answer} And ${pick(INSULTS, [...key, 'insult'])}.` : answer
}
