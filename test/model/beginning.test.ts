// Tokens that all rows of a training pass begin with are computed once. Log-probabilities and gradients are those of
// rows that each compute their own, in every family.
import { join } from 'node:path'
import { disposeModel, type Model } from '../../src/model/model'
import { withoutRecording } from '../../src/model/recorded'
import { tf } from '../../src/model/tf'
import { loadModel } from '../../src/model/weights'
import { differentiableLogProbs, responseTokens, tokenLogProbs, type Sequence } from '../../src/training/gradients'
import reference from '../reference/families/reference.json'
import { relativeDifference } from '../tiny-model'

const families = Object.keys(reference.families)
const folderOf = (name: string) => join(__dirname, '..', 'reference', 'families', name)
const beginning = reference.long.slice(0, 17)
const sequencesAfter = (shared: readonly number[], ownPrompts: readonly (readonly number[])[]): Sequence[] =>
  ownPrompts.map((own, i) => ({ prompt: [...shared, ...own], response: reference.responses[i]! }))

/** Prompts that differ after their beginning, and groups of one prompt, whose last token predicts the first ones. */
const batches = {
  'different prompts': sequencesAfter(beginning, reference.prompts),
  'one prompt': sequencesAfter(
    beginning,
    reference.prompts.map(() => []),
  ),
}

/** @param precision that of `responseTokens`: in bfloat16 the beginning is set apart */
function trained(model: Model, sequences: readonly Sequence[], precision: 'float32' | 'bfloat16') {
  const tokens = responseTokens(sequences, { precision })
  const pass = differentiableLogProbs(model, tokens, 0.9, 'entropies')
  const gradients = pass.backward(new Float32Array(tokens.labels.length).map((_, i) => Math.cos(i)))
  const named = [...gradients].map(([name, gradient]) => [name, [...gradient.dataSync()]] as const)
  tf.dispose([...gradients.values()])
  const read = [...tokenLogProbs(model, tokens, 0.9)]
  return { read, values: [...pass.values], entropies: [...pass.entropies!], ...Object.fromEntries(named) }
}

/** Without rotary positions a key's bias changes nothing: its gradient is rounding error. */
const isNoise = (family: string, name: string) => family === 'gpt2' && name.endsWith('k_proj.bias')

/** The largest relative difference of any tensor, and its name. */
function worst(family: string, got: Record<string, number[]>, want: Record<string, number[]>) {
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort())
  const differences = Object.entries(want)
    .filter(([name]) => !isNoise(family, name))
    .map(([name, values]) => ({ name, difference: relativeDifference(got[name]!, values) }))
  return differences.reduce((a, b) => (b.difference > a.difference ? b : a))
}

describe.each(families)('%s', (family) => {
  const model = loadModel(folderOf(family))
  afterAll(() => disposeModel(model))

  test.each(Object.entries(batches))('in float32: %s', (_, sequences) => {
    const apart = trained(model, sequences, 'bfloat16')
    const { name, difference } = worst(family, apart, trained(model, sequences, 'float32'))
    expect([name, difference < 1e-4 || difference]).toEqual([name, true])
    const kept = tf.memory().numTensors
    expect(worst(family, trained({ ...model, recompute: true }, sequences, 'bfloat16'), apart).difference).toBe(0)
    expect(tf.memory().numTensors).toBe(kept)
  })

  test('in bfloat16: as near to float32 as without, and the same whether recorded or not', () => {
    const half: Model = { ...model, precision: 'bfloat16' }
    const sequences = batches['different prompts']
    const exact = trained(model, sequences, 'float32')
    const apart = trained(half, sequences, 'bfloat16')
    const error = worst(family, trained(half, sequences, 'float32'), exact).difference
    expect(worst(family, apart, exact).difference).toBeLessThan(1.3 * error)
    const oneByOne = withoutRecording(() => trained(half, sequences, 'bfloat16'))
    expect(worst(family, oneByOne, apart).difference).toBeLessThan(0.5 * error)
  })
})
