// Training with an absurd learning rate, on a tiny model: it diverges after its first checkpoints, and no stage hands on
// what is left of it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { data as dataStage } from '../../../src/activities/stages/data'
import { dpo } from '../../../src/activities/stages/dpo'
import { humanLabels } from '../../../src/activities/stages/human-labels'
import { rewardModel } from '../../../src/activities/stages/reward-model'
import { sft } from '../../../src/activities/stages/sft'
import { tf } from '../../../src/model/tf'
import { loadModel, saveModel } from '../../../src/model/weights'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

/** Its activations are so large that they overflow when the weights have grown a little. */
function writeFragileFolder(): string {
  const folder = writeTinyFolder()
  const model = loadModel(folder)
  for (const [name, weight] of model.weights)
    if (name.endsWith('input_layernorm.weight')) model.weights.set(name, tf.fill(weight.shape, 5e7))
  saveModel(model, `${folder}-fragile`, folder)
  return `${folder}-fragile`
}
const model = { uri: `file://${writeFragileFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: { model: 'tiny' } }
const limits = { responseTokens: 6 }

const dataOf = (rows: object[]) => {
  const file = join(temporaryFolder(), 'rows.jsonl')
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  return computeStage(dataStage, 'data', { task: 'helpful', data: { path: file, evaluationPrompts: 2 }, limits, model })
}
const rows = Array.from({ length: 32 }, (_, i) => ({
  prompt: `Post ${i}`,
  reference: `answer ${i}`,
  responses: [`yes ${i}`, `no, never ${i}`],
  preferred: 1 + (i % 2),
}))

/** Weights grow by 1 a step: the first steps and checkpoints are sound, until something overflows. */
const absurd = { learningRate: 1, optimizer: 'adamw', batchSize: 1, epochs: 3, checkpointEvery: 1 }

/** The error of a stage that must fail, as its type and message. */
const failure = async (stage: Promise<{ summary: unknown }>): Promise<string> =>
  stage.then(
    ({ summary }) => `done: ${JSON.stringify(summary)}`,
    ({ name, message }: Error) => `${name}: ${message}`,
  )
const DIVERGED =
  /^Diverged: training: \w+ became (NaN|-?Infinity) at step ([2-9]|\d\d); lower the learning rate \(learningRate\), clip the gradients \(maxGradientNorm\) or warm up longer \(warmupSteps\)\. .* failed at step \d+ of 90,/

test('SFT whose loss or weights become NaN after a checkpoint fails, with the step and what to change', async () => {
  const data = await dataOf(rows)
  expect(await failure(computeStage(sft, 'sft', { model, data, limits, settings: absurd }))).toMatch(DIVERGED)
})

test('so does a reward model', async () => {
  const data = await dataOf(rows)
  const labels = await computeStage(humanLabels, 'human-labels', { data, model, limits })
  const settings = { ...absurd, heldOutShare: 0 }
  const trained = computeStage(rewardModel, 'reward-model', { policy: model, labels: [labels], settings })
  expect(await failure(trained)).toMatch(DIVERGED)
})

test('so does a policy by DPO', async () => {
  const data = await dataOf(rows)
  const labels = await computeStage(humanLabels, 'human-labels', { data, model, limits })
  const settings = { ...absurd, heldOutShare: 0 }
  expect(await failure(computeStage(dpo, 'dpo', { policy: model, labels: [labels], settings }))).toMatch(DIVERGED)
})
