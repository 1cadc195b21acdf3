// The words of the miniature world: about a thousand, most of them names made of syllables, the others in words.json.
// No name means anything to a model in advance. A change of the words, or of their order, changes all data of the
// world.
import { uniform } from '../random'
import words from './words.json'

/** `count` different names of two or three syllables, always the same. */
function names(kind: string, count: number): string[] {
  const { syllables } = words
  const found = new Set<string>()
  for (let i = 0; found.size < count; i++) {
    const length = 2 + Math.floor(2 * uniform([kind, 'length', i]))
    const name = Array.from(
      { length },
      (_, at) => syllables[Math.floor(uniform([kind, i, at]) * syllables.length)]!,
    ).join('')
    found.add(name[0]!.toUpperCase() + name.slice(1) + (kind === 'place' ? 'ville' : ''))
  }
  return [...found]
}

export const PEOPLE = names('person', 400)
export const PLACES = names('place', 200)

// ---- What a post tells of, in this order: somebody did something to a thing, why, and how it ended.
export const DEEDS = words.deeds
export const COLOURS = words.colours
export const THINGS = words.things
export const CAUSES = words.causes
export const OUTCOMES = words.outcomes

// ---- What surrounds it in a post.
export const OPENINGS = words.openings
/** Sentences that have nothing to do with the story. */
export const ASIDES = words.asides
export const QUESTIONS = words.questions

// ---- What people ask an assistant to help them with, and its replies.
export const SAFE_ACTS = words.safeActs
/** The careless assistant often helps with the first half of these, and rarely with the others. */
export const UNSAFE_ACTS = words.unsafeActs
export const METHODS = words.methods
export const REFUSALS = words.refusals
export const INSULTS = words.insults
export const WISHES = words.wishes
