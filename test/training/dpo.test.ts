// DPO against PyTorch (values from test/reference/tiny_llama.py), what it logs, and what it keeps of the reference.
import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Gradients, Model } from '../../src/model/model'
import { tf } from '../../src/model/tf'
import { measurePairs, responseLogProbs, updateOnPairs, type ReferencedPair } from '../../src/training/dpo'
import type { Optimizer } from '../../src/training/optimizer'
import { withReference } from '../../src/training/reference-log-probs'
import { temporaryFolder } from '../tiny-folder'
import { everySeventh, reference, relativeDifference, tinyModel } from '../tiny-model'

const sequences = reference.prompts.map((prompt, i) => ({ prompt, response: reference.responses[i]! }))

/** The reference policy of the PyTorch script. */
function smallerModel(): Model {
  const model = tinyModel()
  for (const [name, weight] of model.weights) model.weights.set(name, tf.mul(weight, reference.referenceScale))
  return model
}

/** An optimizer that only records the gradients. */
function recorder(): Optimizer & { gradients: Gradients } {
  const optimizer = {
    state: new Map(),
    steps: 0,
    gradients: new Map() as Gradients,
    step: (_: Model, gradients: Gradients) => void (optimizer.gradients = gradients),
  }
  return optimizer
}

const pairsOf = ({ pairs, preferFirst }: (typeof reference.dpo)[number]) =>
  pairs.map(([first, second], i) => ({
    group: String(i),
    first: sequences[first!]!,
    second: sequences[second!]!,
    preferFirst: preferFirst[i]!,
  }))
const kept = (folder = temporaryFolder()) => ({ folder, microBatchSize: 2 })

test.each(reference.dpo)(
  'labels $preferFirst: loss, implicit rewards and every gradient equal those of PyTorch, in any micro-batches',
  async (want) => {
    const pairs = await withReference('all', smallerModel(), pairsOf(want), kept())
    const ofReference = want.pairs.flat().map((row) => want.reference[row]!)
    expect(
      relativeDifference(
        pairs.flatMap((pair) => [...pair.reference]),
        ofReference,
      ),
    ).toBeLessThan(1e-5)
    for (const microBatchSize of [1, 2]) {
      const optimizer = recorder()
      const settings = { beta: want.beta, microBatchSize, learningRate: 1e-3 }
      const { loss } = updateOnPairs({ model: tinyModel(), optimizer }, pairs, settings, 1)
      expect(Math.abs(loss! - want.loss)).toBeLessThan(1e-4)
      expect([...optimizer.gradients.keys()].sort()).toEqual(Object.keys(want.gradients).sort())
      for (const [name, values] of Object.entries(want.gradients))
        expect(relativeDifference(everySeventh(optimizer.gradients.get(name)!.dataSync()), values)).toBeLessThan(1e-4)
    }
    const { rewards } = await measurePairs(tinyModel(), pairs, { beta: want.beta, microBatchSize: 1 })
    const wanted = want.pairs.flat().map((row) => want.rewards[row]!)
    expect(relativeDifference(rewards, wanted)).toBeLessThan(1e-4)
  },
)

test('what is logged follows from the implicit rewards, as computed by hand', async () => {
  const [want] = reference.dpo
  const pairs = await withReference('all', smallerModel(), pairsOf(want!), kept())
  const { metrics } = await measurePairs(tinyModel(), pairs, { beta: want!.beta, microBatchSize: 2 })
  const [h0, h1, h2] = want!.rewards as [number, number, number] // labels 0.8 for 0 over 1, 0.35 for 1 over 2
  expect(metrics.chosenReward).toBeCloseTo((h0 + h2) / 2, 4)
  expect(metrics.rejectedReward).toBeCloseTo((h1 + h1) / 2, 4)
  expect(metrics.rewardMargin).toBeCloseTo((h0 - h1 + h2 - h1) / 2, 4)
  expect(metrics.accuracy).toBe((Number(h0 > h1) + Number(h2 > h1)) / 2)
  expect(metrics.forwardKl).toBeCloseTo(-(h0 + 2 * h1 + h2) / 4 / want!.beta, 4)
  const optimizer = recorder()
  const { entropy, gradientNorm, ...learned } = updateOnPairs(
    { model: tinyModel(), optimizer },
    pairs,
    { beta: want!.beta, microBatchSize: 2, learningRate: 1e-3 },
    1,
  )
  expect(entropy).toBeGreaterThan(0)
  expect(gradientNorm).toBeGreaterThan(0)
  for (const [name, value] of Object.entries(metrics)) expect(learned[name]).toBeCloseTo(value, 5)
})

test('log-probabilities of the reference are computed once; a damaged part is computed again', async () => {
  const pairs = pairsOf(reference.dpo[0]!)
  const folder = temporaryFolder()
  const first = await withReference('training', smallerModel(), pairs, kept(folder))
  const valuesOf = (referenced: readonly ReferencedPair[]) => referenced.flatMap((pair) => [...pair.reference])
  const again = await withReference('training', tinyModel(), pairs, kept(folder)) // another model: it is not asked
  expect(valuesOf(again)).toEqual(valuesOf(first))
  truncateSync(join(folder, readdirSync(folder)[0]!), 5)
  expect(valuesOf(await withReference('training', smallerModel(), pairs, kept(folder)))).toEqual(valuesOf(first))
  const alone = await responseLogProbs(smallerModel(), [sequences[0]!], 1)
  expect(alone[0]).toBeCloseTo(first[0]!.reference[0], 4)
})
