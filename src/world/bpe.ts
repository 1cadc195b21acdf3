// A byte-level BPE tokenizer trained on a text (Sennrich et al. 2016, on bytes as in GPT-2), in the form of Hugging Face's tokenizer.json.

/** How GPT-2 parts a text into words: its space belongs to the word that follows. One is put before the text, so that a word at its beginning is the same token as elsewhere. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu
const SEPARATOR = ' '

/** GPT-2's letters for bytes: printable ones stand for themselves, the others for letters from U+0100 on. */
function byteLetters(): string[] {
  const isPrintable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++))
}
const LETTERS = byteLetters()

interface Word {
  parts: string[]
  count: number
}

function wordsOf(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>()
  for (const text of texts) for (const [word] of ` ${text}`.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].map(([word, count]) => ({ parts: [...new TextEncoder().encode(word)].map((byte) => LETTERS[byte]!), count }))
}

/** The most frequent pair of neighbours; of equals the first in the order of the alphabet. */
function commonest(words: readonly Word[]): [string, string] | undefined {
  const counts = new Map<string, number>()
  for (const { parts, count } of words) for (let i = 1; i < parts.length; i++) counts.set(`${parts[i - 1]}${SEPARATOR}${parts[i]}`, (counts.get(`${parts[i - 1]}${SEPARATOR}${parts[i]}`) ?? 0) + count)
  let best: string | undefined
  for (const [pair, count] of counts) if (best === undefined || count > counts.get(best)! || (count === counts.get(best) && pair < best)) best = pair
  return best?.split(SEPARATOR) as [string, string] | undefined
}

function merge({ parts }: Word, [left, right]: readonly [string, string]): void {
  for (let i = 0; i + 1 < parts.length; i++) if (parts[i] === left && parts[i + 1] === right) parts.splice(i, 2, left + right)
}

/**
 * @param size of the vocabulary: special tokens, 256 bytes and merges; smaller where the text has no more pairs
 * @returns the content of tokenizer.json
 */
export function trainBpe(texts: Iterable<string>, size: number, special: readonly string[]): object {
  const words = wordsOf(texts)
  const vocabulary = [...special, ...LETTERS]
  const merges: [string, string][] = []
  while (vocabulary.length < size) {
    const pair = commonest(words)
    if (!pair) break
    merges.push(pair)
    vocabulary.push(pair.join(''))
    for (const word of words) merge(word, pair)
  }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }
  return {
    version: '1.0', truncation: null, padding: null,
    added_tokens: special.map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: null, pre_tokenizer: byteLevel, post_processor: null, decoder: byteLevel,
    model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])), merges },
  }
}
