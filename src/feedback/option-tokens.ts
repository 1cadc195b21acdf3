// Which token ids count as an option, such as "1", where it will stand: after the ending of the question. Encoded alone
// a text may be other tokens: SentencePiece puts a space before its beginning.
import type { Tokenizer } from '../model/tokenizer'

type Encoding = Pick<Tokenizer, 'encode' | 'decode' | 'tokenAfter'>

export interface OptionTokens {
  /** The ids of all options after all endings, each once. */
  ids: number[]
  /** For each option, the positions in `ids` of its tokens after this ending; none if it is not one token there. */
  after(ending: string): number[][]
}

/** Tokens depend on what stands in the same line at most. */
const lastLine = (ending: string) => ending.slice(ending.lastIndexOf('\n') + 1)

/** A word may be joined to a space before it. */
const variantsOf = (text: string) => [text, ` ${text}`]

/** What follows an ending may be one token with the space before it: then the ending must leave the space out. */
export const joinsSpace = ({ tokenAfter }: Pick<Tokenizer, 'tokenAfter'>, options: readonly string[]): boolean =>
  options.some((option) => tokenAfter('=', ` ${option}`) !== undefined)

/** The first of the tokens of a text that is not one token after this ending. */
export function firstTokens({ encode, decode, tokenAfter }: Encoding, ending: string, text: string): string[] {
  const line = lastLine(ending)
  if (variantsOf(text).some((variant) => tokenAfter(line, variant) !== undefined)) return []
  const before = encode(line)
  const firsts = variantsOf(text)
    .map((variant) => encode(line + variant))
    .filter((ids) => before.every((id, i) => ids[i] === id))
    .map((ids) => decode(ids.slice(before.length, before.length + 1)).trimStart())
  return [...new Set(firsts)].filter((first) => first !== '' && first !== text && text.startsWith(first))
}

/** "1" and " 1" count as the same answer. */
export function optionTokens(
  { tokenAfter }: Pick<Tokenizer, 'tokenAfter'>,
  options: readonly string[],
  endings: readonly string[],
): OptionTokens {
  const variantsAfter = (line: string) =>
    options.map((option) =>
      variantsOf(option)
        .map((text) => tokenAfter(line, text))
        .filter((id) => id !== undefined),
    )
  const byLine = new Map([...new Set(endings.map(lastLine))].map((line) => [line, variantsAfter(line)]))
  const ids = [...new Set([...byLine.values()].flat(2))]
  return {
    ids,
    after: (ending) => byLine.get(lastLine(ending))!.map((variants) => variants.map((id) => ids.indexOf(id))),
  }
}
