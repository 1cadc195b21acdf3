// The vocabulary of a GGUF file as tokenizer.json and tokenizer_config.json. Two kinds, by llama.cpp's names: "llama",
// SentencePiece's BPE over characters with byte fallback, and "gpt2", BPE over bytes, with the pre-tokenizer by its name.
import { shownValue } from '../file-faults'
import type { MetadataReader } from './gguf-metadata'

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const LINES = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const wordsAndDigits = (digits: string) => `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}|${LINES}`

/** Splits by a pattern, then into bytes. */
const splitBy = (pattern: string) => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    { ...byteLevel, use_regex: false },
  ],
})

/** What the model's authors do before BPE, which llama.cpp knows by a name. */
interface PreTokenizer {
  pre_tokenizer: object
  normalizer?: object
  /** Whether a piece that is a token stays whole, whatever the merges say. */
  ignore_merges?: true
}
const LLAMA3: PreTokenizer = { pre_tokenizer: splitBy(wordsAndDigits('\\p{N}{1,3}')), ignore_merges: true }
const QWEN2: PreTokenizer = { pre_tokenizer: splitBy(wordsAndDigits('\\p{N}')), normalizer: { type: 'NFC' } }
/** Capitals and letters without case, small letters and letters without case: camelCase is two words. */
const [UPPER, LOWER] = ['[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]', '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]']
const BEFORE_WORD = '[^\\r\\n\\p{L}\\p{N}]?'
const TEKKEN: PreTokenizer = {
  pre_tokenizer: splitBy(
    `${BEFORE_WORD}${UPPER}*${LOWER}+|${BEFORE_WORD}${UPPER}+${LOWER}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|` +
      '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
  ),
  ignore_merges: true,
}
const PRE_TOKENIZERS: Record<string, PreTokenizer> = {
  smollm: {
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel] },
  },
  'gpt-2': { pre_tokenizer: byteLevel },
  'llama-bpe': LLAMA3,
  llama3: LLAMA3,
  'llama-v3': LLAMA3,
  qwen2: QWEN2,
  'deepseek-r1-qwen': QWEN2,
  tekken: TEKKEN,
}

/** Kinds of tokens, `tokenizer.ggml.token_type`. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED] = [1, 2, 3, 4]

interface Vocabulary {
  tokens: string[]
  types: number[]
}

const SPACE = '\u2581'

/** @returns the contents of both files @throws when the vocabulary is of another kind */
export function ggufTokenizer(meta: MetadataReader, file: string): { tokenizer: object; config: object } {
  const kind = meta.string('tokenizer.ggml.model')
  const pre = meta.string('tokenizer.ggml.pre', kind === 'llama' ? 'default' : 'gpt-2')
  const preTokenizer = PRE_TOKENIZERS[pre]
  if (kind !== 'llama' && (kind !== 'gpt2' || !preTokenizer))
    throw new Error(
      `gguf: ${file} has the tokenizer ${shownValue(kind)} with pre-tokenizer ${shownValue(pre)}; ` +
        `supported are llama (SentencePiece), and gpt2 with ${Object.keys(PRE_TOKENIZERS).join(', ')}`,
    )
  const tokens = meta.list('tokenizer.ggml.tokens', 'string')
  const types = meta.has('tokenizer.ggml.token_type')
    ? meta.list('tokenizer.ggml.token_type', 'number')
    : tokens.map(() => NORMAL!)
  const vocabulary = { tokens, types }
  const parts = kind === 'llama' ? sentencePiece(meta, vocabulary) : byteLevelBpe(meta, vocabulary, preTokenizer!)
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    normalizer: null,
    ...parts,
  }
  return { tokenizer, config: tokenizerConfig(meta, vocabulary) }
}

const addedTokens = ({ tokens, types }: Vocabulary): object[] =>
  tokens
    .map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: types[id] === CONTROL,
    }))
    .filter(({ id }) => types[id] === CONTROL || types[id] === USER_DEFINED)

const bpe = ({ tokens }: Vocabulary, merges: string[][], more: object) => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  ...more,
  vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
  merges,
})

const mergesOf = (meta: MetadataReader): string[][] =>
  meta.list('tokenizer.ggml.merges', 'string').map((merge) => merge.split(' '))

function byteLevelBpe(meta: MetadataReader, vocabulary: Vocabulary, pre: PreTokenizer): object {
  const { ignore_merges, ...before } = pre
  return {
    ...before,
    post_processor: beginning(meta, vocabulary, false) ?? byteLevel,
    decoder: byteLevel,
    model: bpe(vocabulary, mergesOf(meta), ignore_merges ? { ignore_merges } : {}),
  }
}

/** As llama.cpp: a space before the text and after special tokens, then the best-scored merge first. */
function sentencePiece(meta: MetadataReader, vocabulary: Vocabulary): object {
  const hasPrefix = meta.flag('tokenizer.ggml.add_space_prefix', true)
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: SPACE }
  const merges = meta.has('tokenizer.ggml.merges')
    ? mergesOf(meta)
    : mergesByScore(vocabulary, meta.list('tokenizer.ggml.scores', 'number'))
  const unknown = meta.optionalNumber('tokenizer.ggml.unknown_token_id') ?? vocabulary.types.indexOf(UNKNOWN)
  return {
    normalizer: hasPrefix ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, spaces] } : spaces,
    pre_tokenizer: null,
    post_processor: beginning(meta, vocabulary, true),
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(hasPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: bpe(vocabulary, merges, {
      unk_token: vocabulary.tokens[unknown] ?? null,
      fuse_unk: true,
      byte_fallback: true,
    }),
  }
}

/** Longer tokens are not made by merges, whose number grows with the square; SentencePiece's own limit is 16. */
const LONGEST_PIECE = 128

/** Every pair of tokens that makes a token, best score of what it makes first. */
function mergesByScore({ tokens, types }: Vocabulary, scores: number[]): string[][] {
  const isPiece = (id: number | undefined) => id !== undefined && (types[id] === NORMAL || types[id] === USER_DEFINED)
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges = tokens.flatMap((token, id) => {
    if (!isPiece(id) || token.length > LONGEST_PIECE) return []
    const cuts = splits(token).filter((pair) => pair.every((part) => isPiece(ids.get(part))))
    return cuts.map((pair) => ({ pair, score: scores[id]! }))
  })
  return merges.sort((a, b) => b.score - a.score).map(({ pair }) => pair)
}

/** All ways to cut a text in two, between characters. */
function splits(text: string): string[][] {
  const characters = [...text]
  return characters.slice(1).map((_, i) => [characters.slice(0, i + 1).join(''), characters.slice(i + 1).join('')])
}

const idOf = (meta: MetadataReader, name: string) => meta.optionalNumber(`tokenizer.ggml.${name}_token_id`)

/** Puts the beginning-of-sequence token before a text, where the file says so. */
function beginning(meta: MetadataReader, { tokens }: Vocabulary, unlessSaid: boolean): object | null {
  const id = idOf(meta, 'bos')
  const token = id === undefined ? undefined : tokens[id]
  if (token === undefined || !meta.flag('tokenizer.ggml.add_bos_token', unlessSaid)) return null
  const text = (name: 'A' | 'B') => [
    { SpecialToken: { id: token, type_id: 0 } },
    { Sequence: { id: name, type_id: 0 } },
  ]
  return {
    type: 'TemplateProcessing',
    single: text('A'),
    pair: [...text('A'), ...text('B')],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  }
}

function tokenizerConfig(meta: MetadataReader, { tokens }: Vocabulary): object {
  const tokenNamed = (name: string) => {
    const id = idOf(meta, name)
    return id === undefined ? undefined : tokens[id]
  }
  const template = meta.string('tokenizer.chat_template', '')
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: tokenNamed('bos'),
    eos_token: tokenNamed('eos'),
    unk_token: tokenNamed('unknown'),
    pad_token: tokenNamed('padding') ?? tokenNamed('eos'),
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    model_max_length: meta.number(`${meta.string('general.architecture')}.context_length`),
    ...(template !== '' && { chat_template: template }),
  }
}
