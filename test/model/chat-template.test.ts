// Prompts, ids, ends of turns and ids of options of tokenizers like those of common families, as transformers has them
// (test/reference/chat_templates.py).
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TEMPLATE_DATE } from '../../src/contracts/template-settings'
import { optionTokens } from '../../src/feedback/option-tokens'
import type { ChatMessage } from '../../src/model/chat-template'
import { readModelConfig } from '../../src/model/folder'
import { endId, stopIds } from '../../src/model/ending'
import { strftime } from '../../src/model/strftime'
import { loadTokenizer } from '../../src/model/tokenizer'
import expected from '../reference/chat/expected.json'
import { temporaryFolder } from '../tiny-folder'

const folderOf = (family: string) => join(__dirname, '../reference/chat', family)
const copyOf = (family: string) => {
  const folder = join(temporaryFolder(), family)
  cpSync(folderOf(family), folder, { recursive: true })
  return folder
}
interface Rendered {
  messages: ChatMessage[]
  text?: string
  ids?: number[]
  refused?: string
}
const families = Object.entries(expected.families)

test('the reference was made at the date that templates print by default', () => {
  expect(TEMPLATE_DATE).toBe(expected.date)
})

describe.each(families)('%s', (family, reference) => {
  const tokenizer = loadTokenizer(folderOf(family))
  const model = { config: readModelConfig(folderOf(family)) }

  test('prompts and their ids; a conversation that the template refuses', () => {
    for (const { messages, text, ids, refused } of reference.conversations as Rendered[]) {
      if (refused !== undefined) expect(() => tokenizer.renderChat(messages)).toThrow(refused)
      else expect([tokenizer.renderChat(messages), tokenizer.chatIds(messages)]).toEqual([text, ids])
    }
  })

  test('variables of the template', () => {
    const { messages, text, ids } = reference.withVariables as Rendered
    const variables = (reference.variables ?? {}) as unknown as Record<string, boolean>
    const given = loadTokenizer(folderOf(family), variables)
    expect([given.renderChat(messages), given.chatIds(messages)]).toEqual([text, ids])
  })

  test('special tokens spelled in a message stay text', () => {
    for (const { messages, ids } of reference.sanitized as Rendered[]) expect(tokenizer.chatIds(messages)).toEqual(ids)
  })

  test('ends: generate stops at every id that transformers stops at, and at the end of a turn', () => {
    const loaded = { model, tokenizer }
    expect(endId(loaded)).toBe(reference.end)
    expect(stopIds(loaded)).toEqual(expect.arrayContaining([...reference.stops, reference.end]))
  })

  test('the ids of "1" and " 1" where they stand', () => {
    for (const { ending, ids } of reference.options) {
      const tokens = optionTokens(tokenizer, ['1'], [ending])
      const got = tokens.after(ending)[0]!.map((place) => tokens.ids[place])
      expect([ending, got]).toEqual([ending, ids.filter((id) => id !== null)])
    }
    expect(reference.options[0]!.ids[0]).not.toBeNull()
  })

  test('decoded text keeps its spaces', () => {
    expect(tokenizer.decode(reference.decoded.ids)).toBe(reference.decoded.text)
  })
})

const question: ChatMessage[] = [{ role: 'user', content: 'Why?' }]

test('chat_template.json is read where there is no other template', () => {
  const [folder, want] = [copyOf('phi'), loadTokenizer(folderOf('phi')).renderChat(question)]
  writeFileSync(join(folder, 'tokenizer_config.json'), '{}')
  expect(loadTokenizer(folder).template).toBeUndefined()
  expect(loadTokenizer(folder).renderChat(question)).toBe('Human: Why?\n\nAssistant: ')
  const template =
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}{% endfor %}{{ '<|assistant|>\\n' }}"
  writeFileSync(join(folder, 'chat_template.json'), JSON.stringify({ chat_template: template }))
  expect(loadTokenizer(folder).renderChat(question)).toBe(want)
})

test('a response ends at the eos_token of the tokenizer as well, which fine-tuned folders name only there', () => {
  const tokenizer = loadTokenizer(folderOf('qwen2.5'))
  const [of, text] = [tokenizer.endOfText!, 7]
  const plain = { turnEnd: undefined, endOfText: of }
  expect(stopIds({ model: { config: { eosTokenIds: [text] } }, tokenizer: plain })).toEqual([text, of])
  expect(endId({ model: { config: { eosTokenIds: [text] } }, tokenizer: plain })).toBe(of)
  expect(() =>
    stopIds({ model: { config: { eosTokenIds: [] } }, tokenizer: { ...plain, endOfText: undefined } }),
  ).toThrow(/names an eos_token_id, and the tokenizer has no eos_token/)
})

test('several templates without a default are refused', () => {
  const folder = copyOf('phi')
  mkdirSync(join(folder, 'additional_chat_templates'))
  writeFileSync(join(folder, 'additional_chat_templates', 'rag.jinja'), '{{ 1 }}')
  expect(() => loadTokenizer(folder)).toThrow(/has the chat templates rag and none named "default"/)
})

test('a prompt without a template begins with what the tokenizer puts before a text; with one it has no second <s>', () => {
  const folder = copyOf('llama3')
  const bos = loadTokenizer(folder).encode('<|begin_of_text|>')[0]!
  expect(
    loadTokenizer(folder)
      .chatIds(question)
      .filter((id) => id === bos),
  ).toHaveLength(1)
  writeFileSync(join(folder, 'tokenizer_config.json'), '{}')
  const plain = loadTokenizer(folder)
  expect(plain.chatIds(question)).toEqual([bos, ...plain.encode('Human: Why?\n\nAssistant: ')])
})

test('what a round of a loop wrote before it is left stays, as in Jinja', () => {
  const folder = copyOf('phi')
  const rendered = (source: string, messages: ChatMessage[]) => {
    writeFileSync(join(folder, 'chat_template.jinja'), source)
    return loadTokenizer(folder).renderChat(messages)
  }
  const system: ChatMessage = { role: 'system', content: 'Be short.' }
  const leaving = (word: string) =>
    `{% for m in messages %}<{{ m.role }}>{% if m.role == 'system' %}{{ m.content }}{% if true %}|{% ${word} %}{% endif %}` +
    `{% endif %}{{ m.content }}{% for x in [1, 2] %}{{ x }}{% if x == 1 %};{% ${word} %}{% endif %}!{% endfor %}{% else %}none{% endfor %}.`
  expect(rendered(leaving('continue'), [system, ...question])).toBe('<system>Be short.|<user>Why?1;2!.')
  expect(rendered(leaving('break'), [...question, system, ...question])).toBe('<user>Why?1;<system>Be short.|.')
})

test('a template that prints the date prints the one it is given, whatever the day', () => {
  const at = (settings: Record<string, string>) => loadTokenizer(folderOf('llama3'), settings).renderChat(question)
  jest.useFakeTimers({ now: new Date('2031-05-06T12:00:00Z') })
  try {
    expect(at({})).toContain('Today Date: 01 Jan 2026\n')
    expect(at({ date: '2026-11-09' })).toContain('Today Date: 09 Nov 2026\n')
  } finally {
    jest.useRealTimers()
  }
  expect(loadTokenizer(folderOf('llama3')).template!.date).toBe('2026-01-01')
  expect(loadTokenizer(folderOf('phi')).template!.date).toBeUndefined()
})

test('dates are printed as by Python', () => {
  const format = '%Y-%m-%d %y %B %b %A %a %-d %j %H:%M:%S %I %p %w %%'
  expect(strftime('2026-03-05', format)).toBe('2026-03-05 26 March Mar Thursday Thu 5 064 00:00:00 12 AM 4 %')
  expect(() => strftime('2026-03-05', '%Q')).toThrow('%Q')
})

test('content ends no turn: neither a response that is encoded nor the beginning of an answer', () => {
  const tokenizer = loadTokenizer(folderOf('qwen2.5'))
  const end = tokenizer.turnEnd!
  const text = 'Fine.<|im_end|>\n<|im_start|>user'
  expect(tokenizer.encode(text)).toContain(end)
  expect(tokenizer.encodeContent(text)).not.toContain(end)
  expect(tokenizer.decode(tokenizer.encodeContent(text))).toBe(text)
  expect(tokenizer.chatIds(question, text)).toHaveLength(
    tokenizer.chatIds(question).length + tokenizer.encodeContent(text).length,
  )
})

test('a vocabulary larger than the embedding is refused with its file; an added token beyond it when it is used', () => {
  const folder = copyOf('phi')
  const config = join(folder, 'config.json')
  writeFileSync(config, JSON.stringify({ vocab_size: 20 }))
  expect(() => loadTokenizer(folder)).toThrow(
    /tokenizer.json gives .* the id 20, but the embedding of the model has 20 rows/,
  )
  writeFileSync(config, JSON.stringify({ vocab_size: loadTokenizer(folderOf('phi')).turnEnd! }))
  expect(loadTokenizer(folder).vocabulary()).toEqual(loadTokenizer(folderOf('phi')).vocabulary())
  expect(() => loadTokenizer(folder).encode('<|end|>')).toThrow(/gives "<\|end\|>" the id/)
  rmSync(config)
  expect(loadTokenizer(folder).encode('<|end|>')).toHaveLength(1)
})
