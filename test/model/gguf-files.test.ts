// GGUF files of Llama 2, Llama 3, Mistral Nemo, Qwen2 and Qwen3: ids as llama.cpp gives them, logits as the model that
// was written (test/reference/gguf_files.py).
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { model as modelStage } from '../../src/activities/stages/model'
import { padRight } from '../../src/model/batch'
import { readModelConfig } from '../../src/model/folder'
import type { GgufValue } from '../../src/model/gguf'
import { metadataReader } from '../../src/model/gguf-metadata'
import { ggufTokenizer } from '../../src/model/gguf-tokenizer'
import { importGguf } from '../../src/model/import-gguf'
import { endId, stopIds } from '../../src/model/ending'
import { disposeModel } from '../../src/model/model'
import { readValues } from '../../src/model/tf'
import { loadTokenizer } from '../../src/model/tokenizer'
import { hidden, logits } from '../../src/model/transformer'
import { loadModel } from '../../src/model/weights'
import { computeStage } from '../activities/compute-stage'
import expected from '../reference/gguf/expected.json'
import { temporaryFolder } from '../tiny-folder'

const fileOf = (name: string) => join(__dirname, '../reference/gguf', `${name}.gguf`)
const imported = (name: string) => {
  const folder = join(temporaryFolder(), name)
  importGguf(fileOf(name), folder)
  return folder
}

describe.each(Object.entries(expected))('%s', (name, { texts, prompt, logits: want }) => {
  const folder = imported(name)
  const tokenizer = loadTokenizer(folder)

  test('ids of texts are those of llama.cpp', () => {
    for (const { text, ids } of texts) expect([text, tokenizer.encode(text)]).toEqual([text, ids])
  })

  test('text is read back, and a prompt without a template begins, as in llama.cpp', () => {
    expect(tokenizer.decode(texts[0]!.ids)).toBe(texts[0]!.text)
    const file = join(folder, 'tokenizer_config.json')
    const { chat_template: _t, ...config } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    const plain = join(temporaryFolder(), 'plain')
    cpSync(folder, plain, { recursive: true })
    writeFileSync(join(plain, 'tokenizer_config.json'), JSON.stringify(config))
    const { ids, withBeginning } = texts[0]!
    const beginning = withBeginning.slice(0, withBeginning.length - ids.length)
    expect(
      loadTokenizer(plain)
        .chatIds([{ role: 'user', content: 'x' }])
        .slice(0, beginning.length),
    ).toEqual(beginning)
  })

  test('logits are those of the model that was written', () => {
    const model = loadModel(folder)
    const values = readValues(() => logits(model, hidden(model, padRight([prompt]))))
    const last = values.subarray(values.length - model.config.vocabSize)
    want.forEach((logit, i) => expect(Math.abs(last[i]! - logit)).toBeLessThan(1e-4))
    disposeModel(model)
  })
})

test('responses end with the end of a turn and with the end of a text', () => {
  const llama3 = imported('llama-3')
  const { config, tokenizer } = { config: readModelConfig(llama3), tokenizer: loadTokenizer(llama3) }
  const ids = ['<|end|>', '<|eot|>'].map((token) => tokenizer.encode(token)[0])
  expect(stopIds({ model: { config }, tokenizer })).toEqual(ids)
  expect(tokenizer.template).toBeUndefined() // the file has none: no empty prompts
  const llama2 = imported('llama-2')
  const withTemplate = { model: { config: readModelConfig(llama2) }, tokenizer: loadTokenizer(llama2) }
  expect(endId(withTemplate)).toBe(2)
  expect(withTemplate.tokenizer.renderChat([{ role: 'user', content: 'Hi' }])).toBe('<s>user: Hi</s>assistant: ')
})

test('a token of a million characters takes no time', () => {
  const tokens = ['<unk>', 'a', 'aa', 'a'.repeat(1_000_000)]
  const meta = new Map<string, GgufValue>([
    ['general.architecture', 'llama'],
    ['llama.context_length', 8],
    ['tokenizer.ggml.model', 'llama'],
    ['tokenizer.ggml.tokens', tokens],
    ['tokenizer.ggml.scores', [0, -1, -2, -3]],
  ])
  const started = Date.now()
  const { tokenizer } = ggufTokenizer(metadataReader(meta, 'long.gguf'), 'long.gguf')
  expect(tokenizer).toMatchObject({ model: { merges: [['a', 'a']] } })
  expect(Date.now() - started).toBeLessThan(1000)
})

test('the stage takes a GGUF file; what it cannot honour is named', async () => {
  const spec = fileOf('qwen2')
  expect((await computeStage(modelStage, 'model', { spec })).summary.parameters).toBeGreaterThan(10_000)
  const folder = temporaryFolder()
  const changed = (from: string, to: string) => {
    const file = join(folder, 'changed.gguf')
    writeFileSync(file, Buffer.from(readFileSync(fileOf('llama-3'), 'latin1').replace(from, to), 'latin1'))
    return () => importGguf(file, join(folder, 'out'))
  }
  expect(changed('llama-bpe', 'llama-xyz')).toThrow(/pre-tokenizer "llama-xyz"; supported are llama \(Sent.* qwen2/)
  expect(changed('rope_freqs.weight', 'rope_other.weight')).toThrow(/holds the tensor "rope_other\.weight"/)
})
