// Which token ids count as an option, such as "1", where it will stand: after the ending of the question. Encoded alone
// a text may be other tokens: SentencePiece puts a space before its beginning.
import type { Tokenizer } from '../model/tokenizer'

export interface OptionTokens {
  /** The ids of all options after all endings, each once. */
  ids: number[]
  /** For each option, the positions in `ids` of its tokens after this ending; none if it is not one token there. */
  after(ending: string): number[][]
}

/** Tokens depend on what stands in the same line at most. */
const lastLine = (ending: string) => ending.slice(ending.lastIndexOf('\n') + 1)

/** "1" and " 1" count as the same answer. */
export function optionTokens(
  { tokenAfter }: Pick<Tokenizer, 'tokenAfter'>,
  options: readonly string[],
  endings: readonly string[],
): OptionTokens {
  const variantsAfter = (line: string) =>
    options.map((option) =>
      [option, ` ${option}`].map((text) => tokenAfter(line, text)).filter((id) => id !== undefined),
    )
  const byLine = new Map([...new Set(endings.map(lastLine))].map((line) => [line, variantsAfter(line)]))
  const ids = [...new Set([...byLine.values()].flat(2))]
  return {
    ids,
    after: (ending) => byLine.get(lastLine(ending))!.map((variants) => variants.map((id) => ids.indexOf(id))),
  }
}
