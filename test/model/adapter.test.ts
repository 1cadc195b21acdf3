// Low-rank adapters against PEFT; values from test/reference/adapter.py.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAdapter, mergeAdapter, saveAdapter, withAdapter } from '../../src/model/adapter'
import { padRight } from '../../src/model/batch'
import { generate } from '../../src/model/generate'
import type { Model } from '../../src/model/model'
import { openSafetensors } from '../../src/model/safetensors'
import { readValues, tf } from '../../src/model/tf'
import { hidden, logits } from '../../src/model/transformer'
import { loadModel } from '../../src/model/weights'
import { differentiableLogProbs, responseTokens, tokenLogProbs } from '../../src/training/gradients'
import { openOptimizer, update } from '../../src/training/update'
import reference from '../reference/adapter/reference.json'
import { temporaryFolder } from '../tiny-folder'
import { relativeDifference } from '../tiny-model'

const folder = join(__dirname, '..', 'reference', 'adapter')
const base = loadModel(join(__dirname, '..', 'reference', 'families', 'llama3'))
const adapted = loadAdapter(base, folder)
const { row } = reference
const tokens = responseTokens([{ prompt: row.slice(0, 4), response: row.slice(4) }])
const lora = { rank: 4, alpha: 8, targets: ['q_proj', 'up_proj'] }

const lastLogits = (model: Model) =>
  Array.from(readValues(() => logits(model, hidden(model, padRight([row])))).slice(-model.config.vocabSize))
const worst = (got: number[], want: number[]) => Math.max(...want.map((w, i) => Math.abs(w - got[i]!)))

test("an adapter that PEFT wrote gives PEFT's logits, merged or not", () => {
  expect(worst(lastLogits(adapted), reference.last)).toBeLessThan(1e-4)
  expect(worst(lastLogits(mergeAdapter(adapted)), reference.last)).toBeLessThan(1e-4)
})

test("only the adapter has gradients, and they are PEFT's", () => {
  const pass = differentiableLogProbs(adapted, tokens)
  const gradients = pass.backward(new Float32Array(3).fill(-1 / 3))
  expect([...gradients.keys()].sort()).toEqual(Object.keys(reference.gradients).sort())
  for (const [name, want] of Object.entries(reference.gradients))
    expect(relativeDifference([...gradients.get(name)!.dataSync()], want)).toBeLessThan(1e-3)
})

test('decoding uses the adapter', async () => {
  const [got] = await generate(adapted, [row], { maxTokens: 5, temperature: 0.7, stopIds: [] }, [1])
  const fresh = tokenLogProbs(adapted, responseTokens([{ prompt: row, response: got!.ids }]), 0.7)
  expect(got!.logProbs).toHaveLength(5)
  got!.logProbs.forEach((logProb, i) => expect(Math.abs(logProb - fresh[i]!)).toBeLessThan(1e-4))
})

test('a written adapter has the weights of the one that was read, bit for bit', () => {
  const out = temporaryFolder()
  saveAdapter(adapted, out, 'test/reference/families/llama3')
  const [a, b] = [folder, out].map((place) => openSafetensors(join(place, 'adapter_model.safetensors')))
  expect([...b!.names].sort()).toEqual([...a!.names].sort())
  for (const name of a!.names) expect(b!.tensor(name)!.read()).toEqual(a!.tensor(name)!.read())
  expect(worst(lastLogits(loadAdapter(base, out)), reference.last)).toBeLessThan(1e-4)
})

test('a fresh adapter changes nothing, trains alone and shares the frozen weights', () => {
  const policy = withAdapter(base, lora, 1)
  expect(lastLogits(policy)).toEqual(lastLogits(base))
  const settings = { optimizer: 'adamw', learningRate: 0.05 } as const
  const optimizer = openOptimizer(settings)
  const step = () =>
    update(
      { model: policy, optimizer },
      differentiableLogProbs(policy, tokens).backward(new Float32Array(3).fill(-1 / 3)),
      settings,
      20,
    )
  step() // makes constants and the optimizer's state
  const before = tf.memory().numTensors
  for (let i = 1; i < 20; i++) step()
  expect(tf.memory().numTensors).toBe(before)
  const mean = (model: Model) => tokenLogProbs(model, tokens).reduce((a, b) => a + b, 0) / 3
  expect(mean(policy)).toBeGreaterThan(mean(base) + 1)
  for (const [name, tensor] of base.weights) expect(policy.weights.get(name)).toBe(tensor)
})

test.each<[string, object, RegExp]>([
  ['DoRA', { use_dora: true }, /use_dora/],
  ['different ranks for some layers', { rank_pattern: { q_proj: 8 } }, /rank_pattern/],
  ['a rank that its weights do not have', { r: 5 }, /has shape \[4, 16\], the model asks for \[5, 16\]/],
  [
    'a layer that does not exist',
    { target_modules: ['q_proj', 'w1'] },
    /no linear layer "w1"; there are q_proj, k_proj/,
  ],
  [
    'a layer without weights',
    { target_modules: ['q_proj', 'k_proj'] },
    /lacks the weight base_model\.model\.model\.layers\.0\.self_attn\.k_proj\.lora_A\.weight/,
  ],
])('an adapter with %s is refused', (_, fields, message) => {
  const changed = join(temporaryFolder(), 'changed')
  cpSync(folder, changed, { recursive: true })
  const file = join(changed, 'adapter_config.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...fields }))
  expect(() => loadAdapter(base, changed)).toThrow(message)
})
