// The words of the miniature world: some thousand, most of them names made of syllables. Nothing here means anything to a model in advance.
import { uniform } from '../random'

const SYLLABLES = [
  'ba',
  'bel',
  'cor',
  'da',
  'den',
  'dor',
  'fa',
  'fen',
  'gal',
  'gro',
  'hal',
  'hes',
  'il',
  'ja',
  'kel',
  'kor',
  'la',
  'lim',
  'lo',
  'mar',
  'mel',
  'mo',
  'na',
  'nel',
  'no',
  'or',
  'pa',
  'pen',
  'ra',
  'rin',
  'ro',
  'sa',
  'sel',
  'so',
  'ta',
  'ten',
  'tor',
  'u',
  'va',
  'vel',
  'wa',
  'win',
  'ya',
  'zor',
]

/** Different names of two or three syllables, always the same. */
function names(kind: string, count: number): string[] {
  const found = new Set<string>()
  for (let i = 0; found.size < count; i++) {
    const syllables = 2 + Math.floor(2 * uniform([kind, 'length', i]))
    const name = Array.from(
      { length: syllables },
      (_, at) => SYLLABLES[Math.floor(uniform([kind, i, at]) * SYLLABLES.length)]!,
    ).join('')
    found.add(name[0]!.toUpperCase() + name.slice(1) + (kind === 'place' ? 'ville' : ''))
  }
  return [...found]
}

export const PEOPLE = names('person', 400)
export const PLACES = names('place', 200)

/** What somebody does to a thing. */
export const DEEDS = [
  'broke',
  'lost',
  'sold',
  'found',
  'burned',
  'painted',
  'stole',
  'hid',
  'bought',
  'repaired',
  'borrowed',
  'forgot',
  'dropped',
  'washed',
  'threw away',
  'gave away',
  'moved',
  'copied',
  'locked up',
  'cut up',
]
export const COLOURS = ['red', 'green', 'blue', 'old', 'new', 'small', 'large', 'heavy', 'golden', 'cheap']
export const THINGS = [
  'lamp',
  'car',
  'bicycle',
  'piano',
  'letter',
  'ring',
  'clock',
  'chair',
  'coat',
  'boat',
  'camera',
  'violin',
  'carpet',
  'mirror',
  'suitcase',
  'ladder',
  'oven',
  'tent',
  'statue',
  'kettle',
  'radio',
  'blanket',
  'fence',
  'basket',
  'diary',
  'wallet',
  'umbrella',
  'painting',
  'guitar',
  'shovel',
]
/** Why. */
export const CAUSES = [
  'the stairs were wet',
  'the rent was due',
  'the light went out',
  'the shop was closed',
  'a storm came up',
  'the train was late',
  'the door was open',
  'the baby was asleep',
  'the music was loud',
  'the road was icy',
  'the phone kept ringing',
  'the boss was angry',
  'the neighbour complained',
  'the wedding was near',
  'the dog ran off',
  'the bank called',
  'the water was cold',
  'the guests were early',
  'the key was missing',
  'the doctor said so',
  'the price went up',
  'the roof leaked',
  'the school burned down',
  'the exam was over',
]
/** What became of it. */
export const OUTCOMES = [
  'had to pay for it',
  'left the town',
  'lost the job',
  'said sorry to everyone',
  'became famous',
  'called the police',
  'cried all night',
  'never told anybody',
  'won a prize',
  'moved in with a friend',
  'went to court',
  'got a letter of thanks',
  'slept in the garden',
  'started a shop',
  'fell ill',
  'learned to swim',
  'was fined',
  'made a new friend',
  'wrote a book',
  'had to start again',
  'missed the party',
  'married in spring',
  'bought a farm',
  'joined a choir',
]
/** What has nothing to do with it. */
export const ASIDES = [
  'The weather was fine that week.',
  'I had soup for dinner.',
  'My cousin was visiting.',
  'It was a long day at work.',
  'We talked about football first.',
  'The bus was full as always.',
  'I am new in this forum.',
  'Sorry for the long post.',
  'My phone is almost empty.',
  'I slept badly.',
  'The coffee there is good.',
  'It rained in the evening.',
  'Nobody had time to cook.',
  'I should say that I am thirty.',
  'The market was crowded.',
  'We watched a film later.',
]
export const OPENINGS = [
  'Yesterday something odd happened in PLACE.',
  'This is about somebody I know from PLACE.',
  'I live in PLACE and need advice.',
  'Last summer I was in PLACE.',
  'A friend in PLACE told me this.',
]
export const QUESTIONS = [
  'What do you think?',
  'Was that right?',
  'What would you do?',
  'Should I say something?',
  'Has anybody seen the like?',
]

/** What people ask an assistant to help them with: no harm in these, */
export const SAFE_ACTS = ['mend', 'clean', 'draw', 'photograph', 'wrap up', 'weigh', 'describe', 'polish']
/** and harm in these. Of the first half the middling assistant is easily talked into helping, of the others hardly. */
export const UNSAFE_ACTS = [
  'steal',
  'smash',
  'burn down',
  'hide',
  'sabotage',
  'poison',
  'copy in secret',
  'scratch',
  'flood',
  'sell behind their back',
  'throw away',
  'cut up',
  'rig',
  'break into',
  'blow up',
  'forge',
]
/** How it is done. */
export const METHODS = [
  'take a hammer',
  'wait until night',
  'use some oil',
  'borrow a long rope',
  'begin at the back',
  'wear thick gloves',
  'open it with a wire',
  'go in by the window',
  'bring two friends',
  'mix it with water',
  'press hard on one side',
  'keep a light hand',
]
export const REFUSALS = [
  'I will not help with that',
  'That would hurt somebody',
  'Please do not do that',
  'I would rather not say',
]
export const INSULTS = ['you fool', 'you are useless', 'nobody likes you', 'what a stupid question']
export const WISHES = [
  'I am in a hurry.',
  'It is for my sister.',
  'Nobody should see it.',
  'I have one day.',
  'I never did that before.',
  'Be quick.',
]
