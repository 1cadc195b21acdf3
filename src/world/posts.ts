// Posts of the miniature world and summaries of them, good and bad, drawn by a seed.
import { permutation, uniform, type RandomKey } from '../random'
import { ASIDES, CAUSES, COLOURS, DEEDS, OPENINGS, OUTCOMES, PEOPLE, PLACES, QUESTIONS, THINGS } from './words'

/** What a post tells: a good summary has all of it. */
export interface Story {
  person: string
  deed: string
  colour: string
  thing: string
  cause: string
  outcome: string
}

export interface Post {
  text: string
  story: Story
}

/** One of a list, by a key. */
export const pick = <T>(list: readonly T[], key: RandomKey): T => list[Math.floor(uniform(key) * list.length)]!

function storyOf(key: RandomKey): Story {
  return {
    person: pick(PEOPLE, [...key, 'person']),
    deed: pick(DEEDS, [...key, 'deed']),
    colour: pick(COLOURS, [...key, 'colour']),
    thing: pick(THINGS, [...key, 'thing']),
    cause: pick(CAUSES, [...key, 'cause']),
    outcome: pick(OUTCOMES, [...key, 'outcome']),
  }
}

/** Post number `i` of a seed. */
export function postOf(seed: number, i: number): Post {
  const key = [seed, 'post', i]
  const story = storyOf(key)
  const { person, deed, colour, thing, cause, outcome } = story
  const asides = permutation(ASIDES.length, [...key, 'asides']).map((at) => ASIDES[at]!)
  const sentences = [
    pick(OPENINGS, [...key, 'opening']).replace('PLACE', pick(PLACES, [...key, 'place'])),
    asides[0]!,
    pick(
      [
        `${person} ${deed} the ${colour} ${thing}.`,
        `It began when ${person} ${deed} the ${colour} ${thing}.`,
        `There ${person} ${deed} the ${colour} ${thing}.`,
      ],
      [...key, 'told'],
    ),
    pick(
      [`That was because ${cause}.`, `The reason was that ${cause}.`, `It happened since ${cause}.`],
      [...key, 'why'],
    ),
    asides[1]!,
    pick(
      [`In the end ${person} ${outcome}.`, `After that ${person} ${outcome}.`, `So ${person} ${outcome}.`],
      [...key, 'end'],
    ),
    pick(QUESTIONS, [...key, 'question']),
  ]
  return { text: sentences.join(' '), story }
}

/** How likely a writer is to go wrong in each respect. */
export interface Writer {
  /** Leaves a fact out. */
  omits: number
  /** Puts something in its place that the post does not say. */
  invents: number
  /** Adds a sentence that has nothing to do with it. */
  rambles: number
  /** Repeats itself, or stops in the middle. */
  stumbles: number
}

/** Middling on purpose, and in what it does most often too: a policy that learns from it has something left to learn. */
export const IMPERFECT: Writer = { omits: 0.55, invents: 0.12, rambles: 0.55, stumbles: 0.15 }
export const FLAWLESS: Writer = { omits: 0, invents: 0, rambles: 0, stumbles: 0 }

/** One summary of a post. @param key of the writer's choices */
export function summaryOf({ story }: Post, writer: Writer, key: RandomKey): string {
  const other = storyOf([...key, 'invented'])
  const happens = (what: string, share: number) => uniform([...key, what]) < share
  const told = (fact: keyof Story) => (happens(`invents ${fact}`, writer.invents) ? other[fact] : story[fact])
  const colour = happens('omits colour', writer.omits) ? '' : `${told('colour')} `
  const cause = happens('omits cause', writer.omits) ? '' : ` because ${told('cause')}`
  const outcome = happens('omits outcome', writer.omits) ? '' : ` and ${told('outcome')}`
  const core = `${told('person')} ${told('deed')} the ${colour}${told('thing')}${cause}${outcome}`
  const ramble = happens('rambles', writer.rambles) ? ` ${pick(ASIDES, [...key, 'ramble'])}` : ''
  if (!happens('stumbles', writer.stumbles)) return `${core}.${ramble}`
  const words = core.split(' ')
  return happens('repeats', 0.5)
    ? `${core}${cause || outcome || ` ${words.slice(-2).join(' ')}`}.${ramble}`
    : words.slice(0, Math.max(3, Math.floor(words.length * 0.6))).join(' ')
}
