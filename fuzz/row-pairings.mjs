// Which answers a row gives to which questions, told by the marks in its texts alone and without the product's code: an
// answer belongs to the question right before it in a conversation or a text, and an answer that begins a field to a
// question that ends one.

const MARK = /⟦([QAB])(\d+\.\d+)⟧/g
/** A mark of each speaker's turn in a transcript. */
const SPEAKER = /\r?\n\r?\n(?:Human|Assistant): ?/

export const marksIn = (text) =>
  [...String(text).matchAll(MARK)].map(([, kind, place]) => ({ isQuestion: kind === 'Q', mark: kind + place }))

/** @returns pairs "Q0.0 A0.0" that the rows allow */
export function allowedPairings(rows) {
  const allowed = new Set()
  for (const row of rows) {
    const sequences = sequencesIn(row)
    const ends = sequences.flatMap((texts) => marksIn(texts.at(-1)).filter(({ isQuestion }) => isQuestion))
    const beginnings = sequences.flatMap((texts) => marksIn(texts[0]).filter(({ isQuestion }) => !isQuestion))
    for (const question of ends) for (const answer of beginnings) allowed.add(`${question.mark} ${answer.mark}`)
    for (const texts of sequences) pairNeighbours(texts, allowed)
  }
  return allowed
}

function pairNeighbours(texts, allowed) {
  texts.forEach((text, i) => {
    const within = marksIn(text)
    const next = i + 1 < texts.length ? marksIn(texts[i + 1]) : []
    for (const question of within.filter(({ isQuestion }) => isQuestion))
      for (const answer of [...within, ...next].filter(({ isQuestion }) => !isQuestion))
        allowed.add(`${question.mark} ${answer.mark}`)
  })
}

/** The conversations in a value, each as its texts; a text alone is one, a transcript is its turns. */
function sequencesIn(value) {
  if (typeof value === 'string') return [ofText(value)]
  if (typeof value !== 'object' || value === null) return []
  if (isConversation(value)) return [value.map((turn) => textOf(turn.content ?? turn.value))]
  return Object.values(value).flatMap(sequencesIn)
}

function ofText(text) {
  const turns = `\n\n${text.trimStart()}`.split(SPEAKER).map((turn) => turn.trim())
  const said = turns.filter((turn, i) => turn !== '' || (i > 0 && i < turns.length - 1))
  return said.length === 0 ? [''] : said
}

const isConversation = (value) =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((turn) => typeof turn === 'object' && turn !== null && ('content' in turn || 'value' in turn))

function textOf(content) {
  if (Array.isArray(content)) return content.map((part) => part?.text ?? part ?? '').join('')
  return typeof content === 'object' ? '' : String(content)
}
