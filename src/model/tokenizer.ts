// Text to token ids and back, and chat templates.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'
import { MOST_CONFIG_BYTES, readTextBounded } from '../bounded-file'
import type { TemplateSettings } from '../contracts/template-settings'
import { openChatTemplate, readTemplateSettings, templateField } from './chat-template'
import type { ChatMessage, ChatTemplate } from './chat-template'
import { controlTokens, type ControlTokens } from './control-tokens'
import { limitsOf, MOST_TOKENIZER_BYTES, refuseUnbounded, type Limits } from './tokenizer-bounds'
import { turnEnd } from './turn-end'
import { readingFault, shownValue } from '../file-faults'

/** What token ids mean: equal digests mean that every id is the same token. */
export interface Vocabulary {
  /** Number of tokens, added ones included. */
  size: number
  sha256: string
}

export interface Tokenizer {
  /**
   * Token ids of a text. Special tokens written in the text become their ids; none are added.
   * @throws when an id is outside the model's embedding
   */
  encode(text: string): number[]
  /** Like `encode`, but special tokens written in the text stay text: for texts of people and models. */
  encodeContent(text: string): number[]
  /** Text of token ids, without special tokens. */
  decode(ids: readonly number[]): string
  /** The id of a text that is exactly one token after another text; undefined if it is not, or merges with it. */
  tokenAfter(before: string, text: string): number | undefined
  /**
   * The conversation by the model's chat template, up to where the assistant's answer begins.
   * @throws TemplateRefusal when the template does not accept the conversation
   */
  renderChat(messages: readonly ChatMessage[]): string
  /**
   * Token ids of `renderChat`, in which special tokens written in messages stay text.
   * @param answer the beginning of the assistant's answer
   */
  chatIds(messages: readonly ChatMessage[], answer?: string): number[]
  /** Undefined for a model without a chat template: conversations are then rendered as "Human: … Assistant:". */
  template: Pick<ChatTemplate, 'date'> | undefined
  /** Id of the token that the chat template writes after the assistant's turn; undefined if it writes none. */
  turnEnd: number | undefined
  /** Id of the tokenizer's eos_token. */
  endOfText: number | undefined
  vocabulary(): Vocabulary
}

const tokenText = z.union([z.string(), z.object({ content: z.string() }).transform((t) => t.content)])
const SPECIAL_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token']
const specialTokensSchema = z.object(
  Object.fromEntries(SPECIAL_TOKENS.map((name) => [name, tokenText.nullish().catch(undefined)])),
)
const configSchema = z.object({ chat_template: templateField }).loose()
/** Ids by token (BPE, WordPiece), or tokens and their scores in the order of their ids (Unigram). */
type Vocab = Record<string, number> | [string, number][]
const tokenizerSchema = z.object({
  added_tokens: z.array(z.looseObject({ id: z.number().int(), content: z.string(), special: z.boolean() })).default([]),
  // not checked entry by entry: there may be hundreds of thousands
  model: z.looseObject({ vocab: z.custom<Vocab>((vocab) => typeof vocab === 'object' && vocab !== null) }),
})
type TokenizerFile = z.infer<typeof tokenizerSchema>

function readJson(file: string, mostBytes = MOST_CONFIG_BYTES): object {
  try {
    return JSON.parse(readTextBounded(file, mostBytes)) as object
  } catch (error) {
    throw new Error(
      `tokenizer: cannot read ${file}: ${readingFault(error)}; ` +
        'a model folder must contain it as transformers writes it',
      { cause: error },
    )
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new Error(`tokenizer: ${file} is not valid: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/** bos_token, eos_token and so on, from tokenizer_config.json or, in older folders, special_tokens_map.json. */
function specialTokensOf(folder: string, config: object): Record<string, string> {
  const older = join(folder, 'special_tokens_map.json')
  const both = [existsSync(older) ? readJson(older) : {}, config].map((value) => specialTokensSchema.parse(value))
  const present = both.flatMap((tokens) => Object.entries(tokens).filter(([, token]) => token))
  return Object.fromEntries(present) as Record<string, string>
}

/**
 * Loads tokenizer.json, tokenizer_config.json and the chat template of a model folder.
 * @param overrides variables of the chat template, in place of those stored in the folder
 * @throws when a file cannot be read, or the vocabulary is not that of the model in the folder; InvalidInput, then and
 * later, when tokenizer or template ask for more work than those of a model do
 */
export function loadTokenizer(folder: string, overrides: TemplateSettings = {}): Tokenizer {
  const [configFile, file] = [join(folder, 'tokenizer_config.json'), join(folder, 'tokenizer.json')]
  const rawConfig = existsSync(configFile) ? readJson(configFile) : {} // as transformers: older folders have none
  const { chat_template } = checked(configSchema, rawConfig, configFile)
  const raw = readJson(file, MOST_TOKENIZER_BYTES)
  const parsed = checked(tokenizerSchema, raw, file)
  refuseUnbounded(raw, parsed.added_tokens, file)
  const specialTokens = specialTokensOf(folder, rawConfig)
  const settings = { ...readTemplateSettings(folder), ...overrides }
  const template = openChatTemplate(folder, { inConfig: chat_template, specialTokens, settings })
  return madeTokenizer(
    { raw, rawConfig, parsed, specialTokens, inEmbedding: embeddingCheck(folder, file, parsed) },
    template,
    limitsOf(file),
  )
}

/** What the files of a folder hold. */
interface Files {
  raw: object
  rawConfig: object
  parsed: TokenizerFile
  specialTokens: Record<string, string>
  inEmbedding(ids: number[]): number[]
}

/** Limits do not stand inside each other: the template, which has limits of its own, is rendered outside these. */
function madeTokenizer(files: Files, template: ChatTemplate | undefined, limits: Limits): Tokenizer {
  const { onText } = limits
  const { tokenizer, encode, control, isControl } = limits.onFile(() => openEncoding(files, template?.source ?? ''))
  const decode = (ids: readonly number[]) =>
    ids.length === 0
      ? ''
      : tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false })
  const encodeContent = (text: string) => (control.isIn(text) ? control.encodeMarked(control.mark(text)) : encode(text))
  const boundedEncode = (text: string) => onText(text.length, () => encode(text))
  const renderChat = (messages: readonly ChatMessage[]) => template?.render(messages, true) ?? plainChat(messages)
  const opening = template ? [] : onText(1, () => openingIds(tokenizer))
  const chat = { control, renderChat, encode, opening, onText }
  return {
    encode: boundedEncode,
    encodeContent: (text) => onText(text.length, () => encodeContent(text)),
    decode: slowDecoder(files.raw) ? (ids) => onText(ids.length, () => decode(ids)) : decode,
    tokenAfter: (before, text) =>
      onText(before.length + text.length, () => tokenAfter(encode(before), encode(before + text))),
    renderChat,
    chatIds: (messages, answer = '') => chatIds(chat, messages, answer),
    template,
    turnEnd: turnEnd(template, boundedEncode, isControl),
    endOfText: files.parsed.added_tokens.find(({ content }) => content === files.specialTokens.eos_token)?.id,
    vocabulary: () => vocabularyOf(files.parsed),
  }
}

/** Whether the decoder uses patterns: one that does not is called for every token, without a limit. */
const slowDecoder = (raw: { decoder?: unknown }) => JSON.stringify(raw.decoder ?? '').includes('"Regex"')

/** @param templateSource of the chat template, or nothing */
function openEncoding({ raw, rawConfig, parsed, specialTokens, inEmbedding }: Files, templateSource: string) {
  const special = new Set(Object.values(specialTokens))
  const added = parsed.added_tokens.map((token) => ({ ...token, special: token.special || special.has(token.content) }))
  const tokenizer = new HfTokenizer({ ...raw, added_tokens: added }, rawConfig)
  const encode = (text: string) =>
    inEmbedding(text === '' ? [] : tokenizer.encode(text, { add_special_tokens: false }).ids)
  const controls = controlTokensOf(added, templateSource)
  const ids = new Set(controls.values())
  return {
    tokenizer,
    encode,
    control: controlTokens(controls, { encode, encodePlain: plainEncoder(raw, rawConfig) }),
    isControl: (id: number) => ids.has(id),
  }
}

/**
 * Added tokens that are special or that the chat template writes, with their ids. Whitespace, which Gemma has among its
 * added tokens, is ordinary text in templates.
 */
const controlTokensOf = (added: TokenizerFile['added_tokens'], source: string): Map<string, number> =>
  new Map(
    added
      .filter(({ content, special }) => content !== '' && (special || (source.includes(content) && content.trim())))
      .map(({ content, id }) => [content, id]),
  )

/** Encodes without added tokens. A tokenizer of its own, made at the first call: few texts spell special tokens. */
function plainEncoder(raw: object, config: object): (text: string) => number[] {
  let plain: HfTokenizer | undefined
  return (text) => {
    plain ??= new HfTokenizer({ ...raw, added_tokens: [] }, config)
    return plain.encode(text, { add_special_tokens: false }).ids
  }
}

/** What the tokenizer puts before a text by itself, such as <s>: a chat template writes it, a plain prompt does not. */
function openingIds(tokenizer: HfTokenizer): number[] {
  const [bare, whole] = [false, true].map((add_special_tokens) => tokenizer.encode('a', { add_special_tokens }).ids)
  return whole!.slice(0, Math.max(0, whole!.indexOf(bare![0]!)))
}

interface Chat extends Pick<Limits, 'onText'> {
  control: ControlTokens
  renderChat(messages: readonly ChatMessage[]): string
  encode(text: string): number[]
  /** Ids before the rendered conversation. */
  opening: readonly number[]
}

function chatIds(
  { control, renderChat, encode, opening, onText }: Chat,
  messages: readonly ChatMessage[],
  answer: string,
): number[] {
  const texts = [answer, ...messages.map(({ content }) => content)]
  const marked = onText(
    texts.reduce((sum, { length }) => sum + length, 0),
    () => (texts.some(control.isIn) ? texts.map(control.mark) : undefined),
  )
  const [begun, ...contents] = marked ?? texts
  const rendered = renderChat(messages.map(({ role }, i) => ({ role, content: contents[i]! }))) + begun!
  return onText(rendered.length, () => [...opening, ...(marked ? control.encodeMarked(rendered) : encode(rendered))])
}

function tokenAfter(before: readonly number[], both: readonly number[]): number | undefined {
  const continues = both.length === before.length + 1 && before.every((id, i) => both[i] === id)
  return continues ? both.at(-1) : undefined
}

/** For base models without a chat template: turns as in the HH data. */
function plainChat(messages: readonly ChatMessage[]): string {
  const names = { system: '', user: 'Human: ', assistant: 'Assistant: ' }
  return [...messages.map((m) => `${names[m.role]}${m.content}\n\n`), 'Assistant: '].join('')
}

const vocabularyEntries = ({ model: { vocab }, added_tokens }: TokenizerFile): [string, number][] => [
  ...(Array.isArray(vocab) ? vocab.map(([token], id): [string, number] => [token, id]) : Object.entries(vocab)),
  ...added_tokens.map(({ content, id }): [string, number] => [content, id]),
]

function vocabularyOf(file: TokenizerFile): Vocabulary {
  const byId = new Map(vocabularyEntries(file).map(([token, id]) => [id, token]))
  const lines = [...byId].sort(([a], [b]) => a - b).map(([id, token]) => `${id} ${JSON.stringify(token)}\n`)
  return { size: byId.size, sha256: createHash('sha256').update(lines.join('')).digest('hex') }
}

const embeddingSchema = z.object({ vocab_size: z.number().int().positive() })

/**
 * Checks ids against the rows of the embedding of the model in the same folder, if it has one.
 * @throws when the vocabulary itself is larger: it belongs to another model. Added tokens may be, as long as no text
 * uses them.
 */
function embeddingCheck(folder: string, file: string, parsed: TokenizerFile): (ids: number[]) => number[] {
  const configFile = join(folder, 'config.json')
  const config = embeddingSchema.safeParse(existsSync(configFile) ? readJson(configFile) : {})
  if (!config.success) return (ids) => ids
  const rows = config.data.vocab_size
  const refuse = (id: number, token: string) => {
    throw new Error(
      `tokenizer: ${file} gives ${shownValue(token)} the id ${id}, but the embedding of the model has ${rows} rows ` +
        `(vocab_size in ${configFile}); put the tokenizer of this model into the folder`,
    )
  }
  const added = new Set(parsed.added_tokens.map(({ id }) => id))
  for (const [token, id] of vocabularyEntries(parsed)) if (id >= rows && !added.has(id)) refuse(id, token)
  return (ids) => {
    const outside = ids.find((id) => id >= rows)
    if (outside !== undefined) refuse(outside, parsed.added_tokens.find(({ id }) => id === outside)?.content ?? '')
    return ids
  }
}
