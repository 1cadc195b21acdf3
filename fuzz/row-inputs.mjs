// Files of rows whose texts say where they belong: ⟦Q3.1⟧ is the second question of row 3, ⟦A3.1⟧ and ⟦B3.1⟧ are answers to
// it. The rows are mutated, and what is left in them says which answer was given for which question.
import { diceOf } from './dice.mjs'

export const ROWS_A_FILE = 25

const question = (i, k = 0) => `Where is ⟦Q${i}.${k}⟧?`
const good = (i, k = 0) => `North ⟦A${i}.${k}⟧`
const bad = (i, k = 0) => `South ⟦B${i}.${k}⟧`
const turn = (role, content) => ({ role, content })
const parts = (text) => [
  { type: 'text', text: text.slice(0, 6) },
  { type: 'text', text: text.slice(6), image_url: null },
]
const opening = (i) => [turn('user', question(i)), turn('assistant', good(i)), turn('user', question(i, 1))]
const ended = (i, answer) => [...opening(i), turn('assistant', answer(i, 1))]
const transcript = (i, answer, end = '\n\n') =>
  `${end}Human: ${question(i)}${end}Assistant: ${good(i)}${end}Human: ${question(i, 1)}${end}Assistant: ${answer(i, 1)}`

/** What row i of each format is; several ways to write it are taken in turn. */
const FORMATS = {
  jsonl: [
    (i) => ({ id: i, prompt: question(i), reference: good(i), responses: [good(i), bad(i)], preferred: 1 + (i % 2) }),
    (i) => ({ id: `${i}`, messages: opening(i), responses: [good(i, 1), bad(i, 1)], scores: [2, i % 4] }),
    (i) => ({ messages: ended(i, good), prompt: question(i), id: null }),
  ],
  'jsonl with a mapping': [
    (i) => ({ q: { text: question(i) }, a: good(i), b: bad(i), vote: i % 2 ? 'a' : 'b', sys: 'Be brief.', meta: null }),
  ],
  'trl prompts': [(i) => ({ prompt: question(i), completion: null }), (i) => ({ prompt: opening(i) })],
  'trl completions': [
    (i) => ({ prompt: question(i), completion: good(i), label: i % 3 > 0 }),
    (i) => ({ prompt: opening(i), completion: [turn('assistant', parts(good(i, 1)))] }),
    (i) => ({ prompt: question(i), completion: ended(i, good) }),
  ],
  'trl conversations': [
    (i) => ({ messages: ended(i, good) }),
    (i) => ({
      conversations: ended(i, good).map(({ role, content }) => ({
        from: role === 'user' ? 'human' : 'gpt',
        value: content,
      })),
    }),
    (i) => ({ text: transcript(i, good) }),
  ],
  'trl preferences': [
    (i) => ({ prompt: question(i), chosen: good(i), rejected: bad(i) }),
    (i) => ({ prompt: question(i), chosen: ended(i, good), rejected: ended(i, bad) }),
    (i) => ({ prompt: opening(i), chosen: [turn('assistant', good(i, 1))], rejected: [turn('assistant', bad(i, 1))] }),
  ],
  'trl implicit prompts': [
    (i) => ({ chosen: ended(i, good), rejected: ended(i, bad), score_chosen: 8 }),
    (i) => ({ chosen: `${question(i)} ${good(i)}`, rejected: `${question(i)} ${bad(i)}` }),
  ],
  hh: [
    (i) => ({ chosen: transcript(i, good), rejected: transcript(i, bad) }),
    (i) => ({ chosen: transcript(i, good, '\r\n\r\n'), rejected: transcript(i, bad, '\r\n\r\n') }),
  ],
  pandalm: [
    (i) => ({
      instruction: question(i),
      input: '',
      response1: good(i),
      response2: bad(i),
      annotator1: 1,
      annotator2: i % 3,
      annotator3: '2',
    }),
  ],
  alpaca: [(i) => ({ instruction: question(i), input: i % 2 ? '' : 'Say why.', output: good(i) })],
  'openai-comparisons': [
    (i) => ({
      info: { id: `${i}`, post: question(i), title: 'T', subreddit: 's', article: null },
      summaries: [{ text: good(i) }, { text: bad(i) }],
      choice: i % 2,
      extra: { confidence: 9 },
      batch: 'b',
    }),
  ],
  tldr: [(i) => ({ id: i, subreddit: 's', title: 't', post: question(i), summary: good(i) })],
  shp: [(i) => ({ post_id: `${i}`, history: question(i), human_ref_A: good(i), human_ref_B: bad(i), labels: i % 2 })],
  ultrafeedback: [
    (i) => ({
      instruction: question(i),
      completions: [good(i), bad(i), `${good(i)} or so`].map((response, k) => ({
        response,
        overall_score: k + (i % 2),
      })),
    }),
  ],
  webgpt: [
    (i) => ({
      question: { dataset: 'd', id: `${i}`, full_text: question(i) },
      answer_0: good(i),
      answer_1: bad(i),
      score_0: 0.5,
      score_1: -0.5,
    }),
    (i) =>
      [good(i), bad(i)].map((answer, k) => ({
        question: { dataset: 'd', id: `${i}`, full_text: question(i) },
        answer,
        score: k ? 0.5 : -0.5,
        quotes: null,
      })),
  ],
}

/** Input i is of kind i modulo their number. */
export const KINDS = Object.keys(FORMATS)

const MAPPING = {
  prompt: 'q.text',
  system: 'sys',
  responses: ['a', 'b'],
  preferred: { field: 'vote', first: 'a', second: 'b' },
}

/** @returns the settings of the dataset, the lines of its file, and the rows that those hold, undefined where damaged */
export function rowsInput(seed, index) {
  const dice = diceOf(seed, index)
  const kind = KINDS[index % KINDS.length]
  const ways = FORMATS[kind]
  const format = kind.startsWith('trl') && dice.oneIn(2) ? 'trl' : ['hh', 'tldr'].includes(kind) ? kind : 'auto'
  const settings = kind === 'jsonl with a mapping' ? { fields: MAPPING } : { format }
  const rows = Array.from({ length: ROWS_A_FILE }, (_, i) => mutated(ways[i % ways.length](i), dice))
  const lines = rows.map((row) => {
    const json = JSON.stringify(row)
    return dice.oneIn(20) ? json.slice(0, 1 + dice.below(json.length - 1)) : json
  })
  return { settings, lines, rows }
}

// ---- Mutations

const isGroup = (value) => typeof value === 'object' && value !== null
const OTHER = [
  '',
  ' ',
  0,
  1,
  -1,
  2.5,
  1e308,
  true,
  false,
  [],
  {},
  [[]],
  'x',
  '__proto__',
  { role: 'tool' },
  [null],
  'null',
]
const MUTATIONS = {
  drop: (holder, key) => (Array.isArray(holder) ? void holder.splice(key, 1) : void delete holder[key]),
  null: (holder, key) => void (holder[key] = null),
  retype: (holder, key, dice) => void (holder[key] = structuredClone(dice.pick(OTHER))),
  wrap: (holder, key, dice) =>
    void (holder[key] = dice.pick([[holder[key]], { a: holder[key] }, JSON.stringify(holder[key])])),
  reorder(holder, key, dice) {
    const value = holder[key]
    if (Array.isArray(value)) value.sort(() => dice.below(3) - 1)
    else if (isGroup(value)) holder[key] = Object.fromEntries(Object.entries(value).reverse())
    else exchange(holder, key, dice.pick(Object.keys(holder)))
  },
  cut(holder, key, dice) {
    const value = holder[key]
    if (typeof value === 'string' || Array.isArray(value))
      holder[key] = value.slice(dice.below(2), dice.below(value.length + 1))
  },
  repeat(holder, key, dice) {
    const value = holder[key]
    if (typeof value === 'string') holder[key] = value + value
    else if (Array.isArray(value)) value.splice(dice.below(value.length + 1), 0, ...structuredClone(value.slice(0, 2)))
  },
  rename(holder, key, dice) {
    if (Array.isArray(holder)) return
    const value = holder[key]
    delete holder[key]
    holder[dice.pick(['prompt', 'chosen', 'messages', 'completion', 'content', 'role', 'x', `${key}s`])] = value
  },
}

function exchange(holder, one, other) {
  const value = holder[one]
  holder[one] = holder[other]
  holder[other] = value
}

/** @returns the row with up to four mutations; one in four is left as it is */
function mutated(row, dice) {
  const root = { row: structuredClone(row) }
  for (let changes = dice.oneIn(4) ? 0 : 1 + dice.below(dice.pick([1, 2, 4])); changes > 0; changes--) {
    const places = placesIn(root)
    const [holder, key] = places[dice.oneIn(30) ? 0 : dice.below(places.length)]
    MUTATIONS[dice.pick(Object.keys(MUTATIONS))](holder, key, dice)
    if (root.row === undefined) root.row = null
  }
  return root.row
}

function placesIn(value) {
  if (!isGroup(value)) return []
  return Object.keys(value).flatMap((name) => {
    const key = Array.isArray(value) ? Number(name) : name
    return [[value, key], ...placesIn(value[key])]
  })
}
