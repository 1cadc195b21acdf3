// The JSON of endpoints: servers written in Python send what JSON has no word for as bare words: a log-probability of
// minus infinity as `-Infinity`, one that was not computed as `NaN`.

import { eventsIn, joinedChunks } from './event-stream'

/** A string, which may lack its end, or a word outside of strings. */
const STRING_OR_WORD = /"(?:[^"\\]|\\[^]?)*"?|-?\bInfinity\b|\bNaN\b/g
const JSON_OF: Readonly<Record<string, string>> = { '-Infinity': '-1e999', Infinity: '1e999', NaN: 'null' }

/**
 * Reads JSON in which `-Infinity`, `Infinity` and `NaN` may stand for a number, after a byte order mark or in events.
 * @returns undefined when it is none
 */
export function parseReply(given: string): unknown {
  const text = given.replace(/^\ufeff/, '')
  const events = eventsIn(text)
  return events === undefined ? parseLoosely(text) : joinedChunks(events.map(parseLoosely))
}

function parseLoosely(text: string): unknown {
  return parsed(text) ?? parsed(text.replace(STRING_OR_WORD, (part) => JSON_OF[part] ?? part))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
