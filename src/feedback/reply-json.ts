// The JSON of endpoints: servers written in Python send a log-probability of minus infinity as a bare `-Infinity`.

/** A string, which may lack its end, or the word outside of strings. */
const STRING_OR_INFINITY = /"(?:[^"\\]|\\[^]?)*"?|-Infinity\b/g

/** Reads JSON in which `-Infinity` may stand for a number. @returns undefined when it is none */
export function parseReply(text: string): unknown {
  return parsed(text) ?? parsed(text.replace(STRING_OR_INFINITY, (part) => (part === '-Infinity' ? '-1e999' : part)))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
