// What must hold of an endpoint's labeler after a reply, looked up in the reply by other code than the labeler's.

/** JSON with the words of Python; undefined if it is none. */
export function looseJson(text) {
  for (const read of [
    (given) => given,
    (given) =>
      given.replace(/"(?:[^"\\]|\\.)*"|-?Infinity\b|NaN\b/g, (part) =>
        part.startsWith('"') ? part : part === 'NaN' ? 'null' : part === 'Infinity' ? '1e999' : '-1e999',
      ),
  ])
    try {
      return JSON.parse(read(text))
    } catch {}
  return undefined
}

/** Every text in a value, fields' names too. */
function textsIn(value, found = []) {
  const rest = [value]
  while (rest.length > 0) {
    const one = rest.pop()
    if (typeof one === 'string') found.push(one)
    else if (typeof one === 'object' && one !== null)
      for (const [key, of] of Object.entries(one)) {
        found.push(key)
        rest.push(of)
      }
    else found.push(String(one))
  }
  return found
}

/** The probabilities that a reply gives a text as its first token. */
function probabilityIn(choice, option) {
  const first = choice?.logprobs?.content?.[0]
  const chat = first && [...(Array.isArray(first.top_logprobs) ? first.top_logprobs : []), first]
  const legacy = Object.entries(choice?.logprobs?.top_logprobs?.[0] ?? {})
  const entries = chat ? chat.map((entry) => [entry?.token, entry?.logprob]) : legacy
  const byToken = new Map()
  for (const [token, logProb] of entries)
    if (!byToken.has(token) && String(token).trim() === option) byToken.set(token, Math.exp(logProb ?? -Infinity))
  return byToken.size === 0 ? undefined : [...byToken.values()].reduce((a, b) => a + b, 0)
}

/** @returns a finding if an answer says what the reply does not */
export function unfoundedAnswer({ logProbs, counted }, options, body) {
  const choice = looseJson(body)?.choices?.[0]
  if (counted !== undefined) return /[12]/.test(JSON.stringify(choice ?? '')) ? undefined : 'counted what is not there'
  for (const [i, option] of options.entries()) {
    const found = probabilityIn(choice, option)
    if ((logProbs[i] === undefined) !== (found === undefined))
      return `P("${option}") is ${logProbs[i]}, and ${found} in the reply`
    if (found !== undefined && Math.abs(Math.min(found, 1.02) - Math.exp(logProbs[i])) > 0.02)
      return `P("${option}") is ${Math.exp(logProbs[i])}, and ${found} in the reply`
  }
  return undefined
}

/** @returns a finding if a rationale is empty, or says what the reply does not */
export function unfoundedText(written, body) {
  const text = typeof written === 'string' ? written : written.text
  if (text.trim() === '') return 'an empty rationale was taken'
  const said = textsIn(looseJson(body)).join('\n')
  const isSaid = (piece) => said.includes(piece) || text.includes('***')
  const pieces = text.split('\n').flatMap((line) => [line.slice(0, 10), line.slice(-10)])
  return pieces.every(isSaid) ? undefined : `a rationale that the reply does not have: ${text.slice(0, 80)}`
}

const QUOTED = 8
/** Shorter texts of a reply are in any reason by chance: they must stand where texts are quoted. */
const SHORTEST = 6
/** The endpoint's text as it may stand in a message: as it is, within JSON, or read from it. */
const formsOf = (body) => {
  const json = looseJson(body)
  return [body, JSON.stringify(body), ...(json === undefined ? [] : [JSON.stringify(json), ...textsIn(json)])].map(
    (text) => text.slice(0, 70_000),
  )
}

/** Whether a reason has words of the reply. */
export function quotes(reason, body) {
  if (body.replace(/[\s"]/g, '') === '' || reason.includes('***')) return true
  // of other JSON the names of fields are quoted, of numbers what JSON has for them
  const json = looseJson(body)
  if (json !== undefined && typeof json !== 'object' && typeof json !== 'string') return true
  if (json === null) return true
  if (/JSON without a message, with \[/.test(reason) || body === '{}' || body === '[]') return true
  if (body.includes('{}') && reason.includes('{}')) return true
  if (reason.includes(JSON.stringify(json) ?? body)) return true
  const all = formsOf(body)
  const isShown = (text) =>
    reason.includes(JSON.stringify(text)) ||
    (/HTTP \d+ /.test(reason) && [text, text.trim()].some((one) => reason.includes(` ${one}`)))
  if (all.some((form) => form !== '' && form.length < SHORTEST && isShown(form))) return true
  const forms = all.filter((form) => form === body || form.length >= SHORTEST)
  return forms.some((form) => {
    const size = Math.min(QUOTED, form.length)
    if (size < 1) return false
    for (let i = 0; i + size <= reason.length; i++) if (form.includes(reason.slice(i, i + size))) return true
    return false
  })
}
