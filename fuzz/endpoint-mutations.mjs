// Replies of each dialect as servers, gateways and accidents may make them of a whole one: fields dropped, nulled,
// retyped, reordered, cut, repeated.
import { readFileSync } from 'node:fs'
import { diceOf } from './dice.mjs'
import { damagedBytes, hostileTexts, mutatedJson } from './mutations.mjs'

const REPLIES = JSON.parse(readFileSync(new URL('./endpoint-replies.json', import.meta.url), 'utf8'))

/** The dialects. */
export const KINDS = Object.keys(REPLIES)

const TEXTS = [
  ...hostileTexts(),
  '1',
  '2',
  ' 1',
  '<think>',
  '<think>1</think>2',
  'stop',
  'MAX_TOKENS',
  'content_filter',
  'error',
  '429',
  'NaN',
]
const STATUSES = [200, 200, 200, 200, 200, 200, 201, 204, 400, 401, 402, 403, 404, 422, 429, 500, 503]

/** The same value with the fields of its objects, and the items of its lists, in another order. */
function reordered(value, dice) {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return shuffled(value, dice).map((item) => reordered(item, dice))
  return Object.fromEntries(shuffled(Object.entries(value), dice).map(([key, of]) => [key, reordered(of, dice)]))
}

function shuffled(list, dice) {
  const rest = [...list]
  return list.map(() => rest.splice(dice.below(rest.length), 1)[0])
}

/** Bare words of Python in the place of numbers and nulls. */
const inPython = (json, dice) =>
  json.replace(/(?<=:)(-?\d+\.\d+|null)(?=[,}])/g, (value) =>
    dice.oneIn(4) ? dice.pick(['NaN', '-Infinity', 'Infinity']) : value,
  )

/** @returns what is asked, and the reply to it: a status and bytes */
export function endpointReply(seed, index) {
  const dice = diceOf(seed, index)
  const dialect = KINDS[index % KINDS.length]
  const kind = dice.pick(['answer', 'answer', 'answer', 'rationale', 'error'])
  const whole = dice.oneIn(6) ? reordered(REPLIES[dialect][kind], dice) : REPLIES[dialect][kind]
  const mutated = mutatedJson(whole, dice, TEXTS)
  const json = dice.oneIn(6) ? inPython(mutated, dice) : mutated
  return {
    dialect,
    asks: kind === 'error' ? dice.pick(['answer', 'rationale']) : kind,
    thinking: dice.pick(['strip', 'strip', 'rationale', 'refuse', 'off']),
    status: kind === 'error' && dice.oneIn(2) ? dice.pick([400, 401, 422, 429, 500]) : dice.pick(STATUSES),
    bytes: dice.oneIn(10) ? damagedBytes(json, dice) : Buffer.from(json),
  }
}
