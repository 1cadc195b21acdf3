// The engine on a real Ray of two nodes: SFT and reward model as on TensorFlow.js, RLOO against its optimum, and
// log-probabilities. What takes longer: `npm run rehearse -- ray`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rewardModelOnRay } from '../../src/activities/on-ray/reward-model'
import { sftOnRay } from '../../src/activities/on-ray/sft'
import { data as dataStage } from '../../src/activities/stages/data'
import { humanLabels } from '../../src/activities/stages/human-labels'
import { rewardModel } from '../../src/activities/stages/reward-model'
import { sft } from '../../src/activities/stages/sft'
import type { Artifact } from '../../src/contracts/artifact'
import { loadModel } from '../../src/model/weights'
import { responseTokens, tokenLogProbs } from '../../src/training/gradients'
import { computeStage } from '../activities/compute-stage'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'
import { startRay, type RayCluster } from '../../chaos/ray-nodes.cjs'
import { python } from './python'

jest.setTimeout(900_000)

let cluster: RayCluster
const limits = { responseTokens: 8 }
const tiny = writeTinyFolder()
const folderOf = ({ uri }: Artifact) => uri.slice('file://'.length)
const artifact = (folder: string): Artifact => ({
  uri: `file://${folder}`,
  sha256: '0'.repeat(64),
  bytes: 1,
  summary: {},
})
const model = artifact(tiny)
let data: Artifact

beforeAll(async () => {
  const file = join(temporaryFolder(), 'rows.jsonl')
  mkdirSync(join(file, '..'), { recursive: true })
  const rows = Array.from({ length: 48 }, (_, i) => ({
    prompt: `Post ${i} about the sea`,
    reference: `A summary of ${'it '.repeat(i % 4)}`,
    responses: [`yes ${i}`, `no, never ${i}`],
    preferred: 1 + (i % 2),
  }))
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  const given = { task: 'helpful', data: { path: file, evaluationPrompts: 8 }, limits, model }
  data = await computeStage(dataStage, 'data', given)
  cluster = await startRay()
})
afterAll(() => cluster?.close())

const onRay = () => ({
  engine: { ray: { address: cluster.address, workers: 2, gpusPerWorker: 0, precision: 'float32' } },
})
const curve = (of: Artifact) =>
  readFileSync(join(folderOf(of), 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>)
const losses = (of: Artifact) =>
  curve(of)
    .slice(0, 5)
    .map(({ loss }) => loss!)

function expectClose(got: readonly number[], want: readonly number[], tolerance: number): void {
  expect(got).toHaveLength(want.length)
  want.forEach((value, i) => expect(Math.abs(got[i]! - value)).toBeLessThan(tolerance))
}

test('sft on two workers: the losses of the first five steps are those of TensorFlow.js, and the policy is loaded here', async () => {
  const settings = { batchSize: 8, microBatchSize: 2, epochs: 1, learningRate: 1e-2 }
  const here = await computeStage(sft, 'sft', { model, data, limits, settings })
  const there = await computeStage(sftOnRay, 'sft', { model, data, limits, settings, ...onRay() })
  expect(losses(here)).toHaveLength(5)
  expect(Math.abs(losses(here)[0]! - losses(here)[4]!)).toBeGreaterThan(0.05) // it learns
  expectClose(losses(there), losses(here), 1e-3)
  expect(there.summary).toMatchObject({ examples: here.summary.examples, steps: here.summary.steps })
  expect(curve(there)[0]!.tokens).toBe(curve(here)[0]!.tokens)
  expect(loadModel(folderOf(there)).weights.size).toBe(loadModel(tiny).weights.size)
  await expectSameLogProbs(folderOf(there))
})

/** Of the policy in a folder and of the tiny model, computed by both engines at a temperature of 0.9. */
async function expectSameLogProbs(policy: string): Promise<void> {
  const sequences = Array.from({ length: 6 }, (_, i) => ({
    prompt: [5 + i, 100, 200 + i].slice(0, 2 + (i % 2)),
    response: Array.from({ length: 3 + i }, (_, t) => 300 + 17 * i + t),
  }))
  const file = join(temporaryFolder(), 'given.json')
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, JSON.stringify({ folder: tiny, policy, sequences, temperature: 0.9 }))
  const [of, reference] = JSON.parse((await python('tests.log_probs', file)).trim().split('\n').at(-1)!) as number[][][]
  const tokens = responseTokens(sequences)
  const ours = (folder: string) => [...tokenLogProbs(loadModel(folder), tokens, 0.9)]
  const [oursOf, oursReference] = [ours(policy), ours(tiny)]
  expectClose(of!.flat(), oursOf, 1e-4)
  expectClose(reference!.flat(), oursReference, 1e-4)
  const kl = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value - b[i]!)
  expectClose(kl(of!.flat(), reference!.flat()), kl(oursOf, oursReference), 1e-4)
}

test('reward-model on two workers: losses, accuracy and shift are those of TensorFlow.js', async () => {
  const settings = { batchSize: 8, microBatchSize: 2, epochs: 2, learningRate: 1e-2, heldOutShare: 0.2 }
  const labels = [await computeStage(humanLabels, 'human-labels', { data, model, limits })]
  const input = { policy: model, labels, references: { data, limits }, settings }
  const here = await computeStage(rewardModel, 'reward-model', input)
  const there = await computeStage(rewardModelOnRay, 'reward-model', { ...input, ...onRay() })
  expectClose(losses(there), losses(here), 1e-3)
  for (const figure of ['pairs', 'heldOut', 'steps', 'accuracy', 'humanPairs', 'humanAccuracy'])
    expect([figure, there.summary[figure]]).toEqual([figure, here.summary[figure]])
  expect(Math.abs((there.summary.shift as number) - (here.summary.shift as number))).toBeLessThan(5e-3)
  expect(there.summary.paddingGap).toBeLessThan(1e-2)
  for (const file of ['config.json', 'model.safetensors', 'reward-shift.json', 'calibration.json'])
    expect(existsSync(join(folderOf(there), file))).toBe(true)
})

test('losses, rewards, the end of training and the waiting for a labeler hold without a cluster', async () => {
  await python('unittest', 'tests.units') // fails with the first that does not hold
})

test('rloo converges to the optimum of the objective, known in closed form, for three β', async () => {
  const printed = await python('tests.closed_form', join(temporaryFolder(), 'closed-form'), '0.15', '0.3', '0.5')
  const results = printed.split('\n').filter((line) => line.startsWith('{"beta"'))
  expect(results).toHaveLength(3)
  for (const line of results) {
    const { apart, left } = JSON.parse(line) as Record<string, number>
    expect(apart).toBeGreaterThan(0.05) // there was something to learn
    expect(left).toBeLessThan(0.02)
  }
})
