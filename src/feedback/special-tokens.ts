// Special tokens in texts that a trainer decoded with them: the beginning-of-sequence token before the prompt, end and
// padding tokens after the response. They are no part of what the policy said.
import { InvalidInput } from '../contracts/parse'
import { largest } from '../extremes'

/** Names in the vocabularies of the Llama, Qwen, Gemma, DeepSeek, GPT and BERT families. */
const COMMON = String.raw`<\|[^<>|]{1,40}\|>|<｜[^<>｜]{1,40}｜>|</?s>|<(?:pad|bos|eos|unk|(?:start|end)_of_turn)>|\[(?:PAD|BOS|EOS|CLS|SEP|UNK)\]`

/** Characters of the longest common name; only so much of a text's end is looked at. */
const LONGEST = 44

export interface SpecialTokens {
  /** The text without special tokens and spaces at either end. */
  strip(text: string): string
  /** The text without special tokens and spaces at its beginning. */
  stripStart(text: string): string
}

const escaped = (name: string) => name.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** @param names of the special tokens; default: the common ones. An empty list: nothing but spaces is stripped */
export function specialTokens(names?: readonly string[]): SpecialTokens {
  if (names?.some((name) => name === ''))
    throw new InvalidInput('--special-tokens has an empty name; separate the names by single commas')
  const one = names === undefined ? COMMON : names.map(escaped).join('|')
  const run = String.raw`(?:\s${one && `|${one}`})+`
  const [start, end] = [new RegExp(`^${run}`), new RegExp(`${run}$`)]
  const tailLength = largest(
    (names ?? []).map(({ length }) => length),
    LONGEST,
  )
  const stripStart = (text: string) => text.replace(start, '')
  const stripEnd = (text: string): string => {
    for (let kept = text; ;) {
      const found = end.exec(kept.slice(-tailLength))?.[0] ?? ''
      if (found === '') return kept
      kept = kept.slice(0, -found.length)
    }
  }
  return { stripStart, strip: (text) => stripEnd(stripStart(text)) }
}
