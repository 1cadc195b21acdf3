// Trains a byte-level BPE tokenizer (Sennrich et al. 2016, on bytes as in GPT-2), in the format of Hugging Face's
// tokenizer.json.

/**
 * How GPT-2 splits a text into words: a space belongs to the word that follows. A space is put before the text, so that
 * a word at its beginning is the same token as elsewhere.
 */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu
const SEPARATOR = ' '

/** GPT-2's letters for bytes: printable bytes stand for themselves, the others are letters from U+0100 on. */
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
  for (const text of texts)
    for (const [word] of ` ${text}`.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].map(([word, count]) => ({
    parts: [...new TextEncoder().encode(word)].map((byte) => LETTERS[byte]!),
    count,
  }))
}

/** How often each pair of adjacent parts occurs in the words; `add` updates the counts as words change. */
function countPairs(words: readonly Word[]) {
  const counts = new Map<string, number>()
  const add = ({ parts, count }: Word, sign: 1 | -1) => {
    for (let i = 1; i < parts.length; i++) {
      const pair = `${parts[i - 1]}${SEPARATOR}${parts[i]}`
      const updated = (counts.get(pair) ?? 0) + sign * count
      if (updated > 0) counts.set(pair, updated)
      else counts.delete(pair)
    }
  }
  for (const word of words) add(word, 1)
  return { counts, add }
}

/** The most frequent pair; ties are broken alphabetically. */
function mostFrequent(counts: ReadonlyMap<string, number>): [string, string] | undefined {
  let best: string | undefined
  let most = 0
  for (const [pair, count] of counts) {
    if (count > most || (count === most && pair < best!)) [best, most] = [pair, count]
  }
  return best?.split(SEPARATOR) as [string, string] | undefined
}

function merged(parts: readonly string[], [left, right]: readonly [string, string]): string[] {
  const result: string[] = []
  for (let i = 0; i < parts.length; i++)
    result.push(parts[i] === left && parts[i + 1] === right ? parts[i++]! + right : parts[i]!)
  return result
}

/**
 * @param size of the vocabulary: special tokens, 256 bytes and merges; it is smaller if the texts have no more pairs
 * @returns the content of tokenizer.json
 */
export function trainBpe(texts: Iterable<string>, size: number, special: readonly string[]): object {
  const words = wordsOf(texts)
  const vocabulary = [...special, ...LETTERS]
  const merges: [string, string][] = []
  const { counts, add } = countPairs(words)
  while (vocabulary.length < size) {
    const pair = mostFrequent(counts)
    if (!pair) break
    merges.push(pair)
    vocabulary.push(pair.join(''))
    for (const word of words.filter(({ parts }) => parts.includes(pair[0]) && parts.includes(pair[1]))) {
      add(word, -1)
      word.parts = merged(word.parts, pair)
      add(word, 1)
    }
  }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges,
    },
  }
}
