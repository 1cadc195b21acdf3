// Text to token ids and back, and chat templates.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Template } from '@huggingface/jinja'
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'

interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

export interface Tokenizer {
  /** Token ids of a text. Special tokens written in the text become their ids; none are added. */
  encode(text: string): number[]
  /** Text of token ids, without special tokens. */
  decode(ids: readonly number[]): string
  /** The id of a text that is exactly one token, undefined for any other text. */
  singleToken(text: string): number | undefined
  /** The conversation by the model's chat template, up to where the assistant's answer begins. */
  renderChat(messages: readonly ChatMessage[]): string
}

const tokenText = z.union([z.string(), z.object({ content: z.string() }).transform((t) => t.content)])
const configSchema = z
  .object({ chat_template: z.string().nullish(), bos_token: tokenText.nullish(), eos_token: tokenText.nullish() })
  .loose()

function readJson(file: string): object {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as object
  } catch (error) {
    throw new Error(
      `tokenizer: cannot read ${file}: ${(error as Error).message}; ` +
        'a model folder must contain it as transformers writes it',
      { cause: error },
    )
  }
}

/** Loads tokenizer.json and tokenizer_config.json of a model folder. @throws when either cannot be read */
export function loadTokenizer(folder: string): Tokenizer {
  const rawConfig = readJson(join(folder, 'tokenizer_config.json'))
  const config = configSchema.parse(rawConfig)
  const tokenizer = new HfTokenizer(readJson(join(folder, 'tokenizer.json')), rawConfig)
  const template = config.chat_template ? new Template(config.chat_template) : undefined
  const encode = (text: string) => (text === '' ? [] : tokenizer.encode(text, { add_special_tokens: false }).ids)
  const singleToken = (text: string) => {
    const ids = encode(text)
    return ids.length === 1 ? ids[0] : undefined
  }
  const renderChat = (messages: readonly ChatMessage[]) =>
    template
      ? template.render({
          messages: [...messages],
          add_generation_prompt: true,
          bos_token: config.bos_token ?? '',
          eos_token: config.eos_token ?? '',
        })
      : plainChat(messages)
  return { encode, decode: (ids) => tokenizer.decode([...ids], { skip_special_tokens: true }), singleToken, renderChat }
}

/** For base models without a chat template: turns as in the HH data. */
function plainChat(messages: readonly ChatMessage[]): string {
  const names = { system: '', user: 'Human: ', assistant: 'Assistant: ' }
  return [...messages.map((m) => `${names[m.role]}${m.content}\n\n`), 'Assistant: '].join('')
}
