// Posts of the miniature world, and good and bad summaries of them, sampled by a seed.
import { permutation, uniform, type RandomKey } from '../random'
import { ASIDES, CAUSES, COLOURS, DEEDS, OPENINGS, OUTCOMES, PEOPLE, PLACES, QUESTIONS, THINGS } from './words'

/** The key facts of a post: a good summary has all of them. */
interface Story {
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

/** One element of a list, by a random key. */
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

/** How likely a writer is to make each kind of mistake. */
interface Writer {
  /** Omits a fact. */
  omits: number
  /** Replaces a fact with something the post does not say. */
  invents: number
  /** Adds an irrelevant sentence. */
  rambles: number
  /** Repeats itself, or stops in the middle. */
  stumbles: number
}

/** Mediocre on purpose, its most likely text as well: a policy that imitates it has something left to learn. */
export const IMPERFECT: Writer = { omits: 0.55, invents: 0.12, rambles: 0.55, stumbles: 0.15 }
export const FLAWLESS: Writer = { omits: 0, invents: 0, rambles: 0, stumbles: 0 }

/** One summary of a post. @param key of the writer's choices */
export function summaryOf({ story }: Post, writer: Writer, key: RandomKey): string {
  const other = storyOf([...key, 'invented'])
  const happens = (what: string, share: number) => uniform([...key, what]) < share
  const wordFor = (fact: keyof Story) => (happens(`invents ${fact}`, writer.invents) ? other[fact] : story[fact])
  const colour = happens('omits colour', writer.omits) ? '' : `${wordFor('colour')} `
  const cause = happens('omits cause', writer.omits) ? '' : ` because ${wordFor('cause')}`
  const outcome = happens('omits outcome', writer.omits) ? '' : ` and ${wordFor('outcome')}`
  const core = `${wordFor('person')} ${wordFor('deed')} the ${colour}${wordFor('thing')}${cause}${outcome}`
  const ramble = happens('rambles', writer.rambles) ? ` ${pick(ASIDES, [...key, 'ramble'])}` : ''
  if (!happens('stumbles', writer.stumbles)) return `${core}.${ramble}`
  const words = core.split(' ')
  return happens('repeats', 0.5)
    ? `${core}${cause || outcome || ` ${words.slice(-2).join(' ')}`}.${ramble}`
    : words.slice(0, Math.max(3, Math.floor(words.length * 0.6))).join(' ')
}
