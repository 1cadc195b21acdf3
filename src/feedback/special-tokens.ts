// Special tokens in texts that a trainer decoded with them: the beginning-of-sequence token before the prompt, end and
// padding tokens after the response. They are no part of what the policy said.
import { InvalidInput } from '../contracts/parse'
import { largest } from '../extremes'

/** Names in the vocabularies of the Llama, Qwen, Gemma, DeepSeek, GPT, BERT, T5, GLM, Baichuan and InternLM families. */
const COMMON = [
  String.raw`<\|[^<>|]{1,40}\|>|<｜[^<>｜]{1,40}｜>|</?s>`,
  '<(?:pad|PAD|_pad|padding|bos|BOS|eos|EOS|unk|sop|eop|(?:start|end)_of_turn|mask)>',
  String.raw`\[(?:PAD|BOS|EOS|CLS|SEP|UNK|gMASK|MASK)\]|<(?:unused|reserved_|extra_id_)\d{1,4}>|\[UNUSED_TOKEN_\d{1,4}\]`,
].join('|')

/** Characters of the longest common name; only so much of a text's end is looked at. */
const LONGEST = 44

export interface SpecialTokens {
  /** The text without special tokens and spaces at either end. */
  strip(text: string): string
  /** The text without special tokens and spaces at its beginning. */
  stripStart(text: string): string
  /**
   * What follows a prompt, whatever special tokens and spaces either has between its words: one may have been decoded
   * without them. @returns undefined if the text does not begin with the prompt
   */
  after(text: string, prompt: string): string | undefined
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
  const skip = skipping(run, names)
  const after = (text: string, prompt: string): string | undefined => {
    for (let [at, of] = [0, 0]; ; at++, of++) {
      ;[at, of] = [skip(text, at), skip(prompt, of)]
      if (of >= prompt.length) return text.slice(at)
      if (text[at] !== prompt[of]) return undefined
    }
  }
  return { stripStart, strip: (text) => stripEnd(stripStart(text)), after }
}

/** @returns the place behind special tokens and spaces that begin at a place */
function skipping(run: string, names: readonly string[] | undefined): (text: string, at: number) => number {
  const pattern = new RegExp(run, 'y')
  const beginnings = new Set((names ?? ['<', '[']).map((name) => name[0]))
  return (text, at) => {
    const first = text[at]
    if (first === undefined || (first.trim() !== '' && !beginnings.has(first))) return at
    pattern.lastIndex = at
    return pattern.test(text) ? pattern.lastIndex : at
  }
}
