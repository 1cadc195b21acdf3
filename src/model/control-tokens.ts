// Control tokens, such as <|im_end|>, that are spelled in the content of messages stay text: only the chat template
// writes them as tokens. The method is that of transformers' `sanitize_control_tokens`: they are marked in the content
// before the template is rendered, and what is marked is encoded without added tokens.

/** Private-use characters around a control token that is content. */
const [START, END] = ['\u{f0000}', '\u{f0001}']
const MARKS = new RegExp(`[${START}${END}]`, 'gu')

interface Encoders {
  /** Added tokens become their ids. */
  encode(text: string): number[]
  /** Added tokens are text like any other. */
  encodePlain(text: string): number[]
}

export interface ControlTokens {
  /** Whether a text spells a control token. */
  isIn(text: string): boolean
  /** Marks the control tokens in content. */
  mark(content: string): string
  /** Ids of a rendered text whose content was marked. */
  encodeMarked(rendered: string): number[]
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')

/** @param tokens texts of the control tokens */
export function controlTokens(tokens: ReadonlyMap<string, number>, encoders: Encoders): ControlTokens {
  const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length)
  const any = longestFirst.map(escaped).join('|') || '(?!)'
  const [inContent, marked] = [new RegExp(any, 'gu'), new RegExp(`${START}(${any})${END}|[${START}${END}]`, 'u')]
  return {
    isIn: (text) => new RegExp(any, 'u').test(text),
    mark: (content) => content.replace(MARKS, '').replace(inContent, `${START}$&${END}`),
    encodeMarked(rendered) {
      const [first, ...pieces] = rendered.split(marked) as (string | undefined)[]
      return [
        ...encoders.encode(first!),
        ...pieces.flatMap((piece, i) => {
          if (!piece) return []
          return i % 2 === 0 ? textIds(piece, tokens, encoders) : encodeInside(piece, encoders.encode, encoders)
        }),
      ]
    },
  }
}

/** Ids of a control token as text; where the vocabulary makes it one token even so, it is split into characters. */
function textIds(token: string, tokens: ReadonlyMap<string, number>, encoders: Encoders): number[] {
  const ids = encodeInside(token, encoders.encodePlain, encoders)
  if (!ids.includes(tokens.get(token)!)) return ids
  return [...token].flatMap((character) => encodeInside(character, encoders.encodePlain, encoders))
}

/**
 * Ids of a piece from the middle of a text. SentencePiece puts a space before the beginning of a text: the piece is
 * encoded after a newline, whose ids are removed.
 */
function encodeInside(piece: string, encode: (text: string) => number[], { encode: encodeNewline }: Encoders) {
  const newline = encodeNewline('\n')
  const ids = encode(`\n${piece}`)
  return newline.every((id, i) => ids[i] === id) ? ids.slice(newline.length) : encode(piece)
}
