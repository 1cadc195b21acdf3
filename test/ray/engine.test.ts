// The engine on a real Ray of two nodes: SFT and reward model as on TensorFlow.js, adapters, RLOO against
// its optimum, log-probabilities, and a whole run. What takes longer: `npm run rehearse -- ray`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rewardModelOnRay } from '../../src/activities/on-ray/reward-model'
import { rlOnRay } from '../../src/activities/on-ray/rl'
import { sftOnRay } from '../../src/activities/on-ray/sft'
import { data as dataStage } from '../../src/activities/stages/data'
import { humanLabels } from '../../src/activities/stages/human-labels'
import { rewardModel } from '../../src/activities/stages/reward-model'
import { sft } from '../../src/activities/stages/sft'
import type { Artifact } from '../../src/contracts/artifact'
import type { AlignResult } from '../../src/contracts/status'
import { policyFolders } from '../../src/model/adapter-base'
import type { Model } from '../../src/model/model'
import { withAdapters } from '../../src/model/policy'
import { SCORE_HEAD } from '../../src/model/weight-names'
import { loadModel } from '../../src/model/weights'
import { responseTokens, tokenLogProbs } from '../../src/training/gradients'
import { rewards } from '../../src/training/reward-model'
import { computeStage } from '../activities/compute-stage'
import { openLocalStack } from '../local-stack'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'
import { startRay, type RayCluster } from '../../chaos/ray-nodes.cjs'
import { python } from './python'

jest.setTimeout(900_000)

let cluster: RayCluster
const limits = { responseTokens: 8 }
const tiny = writeTinyFolder(temporaryFolder()) // beside the artifacts, as in a store: adapters name it
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

const onRay = (workers = 2) => ({
  engine: { ray: { address: cluster.address, workers, gpusPerWorker: 0, precision: 'float32' } },
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

/** With one worker, and with two. */
const onWorkers = async (compute: (workers: number) => Promise<Artifact>) => [await compute(1), await compute(2)]
const open = (of: Pick<Artifact, 'uri'>) => Promise.resolve(of.uri.slice('file://'.length))
const labels = () => computeStage(humanLabels, 'human-labels', { data, model, limits })
/** The folder of the job that computed an artifact. */
const jobOf = (of: Artifact) => join(folderOf(of), 'checkpoints', 'ray')

function expectClose(got: readonly number[], want: readonly number[], tolerance: number): void {
  expect(got).toHaveLength(want.length)
  expect(want.map((value, i) => [got[i]!, value]).filter(([a, b]) => !(Math.abs(a! - b!) < tolerance))).toEqual([])
}

test('sft on one and on two workers: the losses of the first five steps are those of TensorFlow.js, and the policy is loaded here', async () => {
  const settings = { batchSize: 8, microBatchSize: 2, epochs: 1, learningRate: 1e-2 }
  const here = await computeStage(sft, 'sft', { model, data, limits, settings })
  expect(losses(here)).toHaveLength(5)
  expect(Math.abs(losses(here)[0]! - losses(here)[4]!)).toBeGreaterThan(0.05) // it learns
  const there = await onWorkers((workers) =>
    computeStage(sftOnRay, 'sft', { model, data, limits, settings, ...onRay(workers) }),
  )
  for (const one of there) {
    expectClose(losses(one), losses(here), 1e-3)
    expect(one.summary).toMatchObject({ examples: here.summary.examples, steps: here.summary.steps })
    expect(curve(one)[0]!.tokens).toBe(curve(here)[0]!.tokens)
    expect(loadModel(folderOf(one)).weights.size).toBe(loadModel(tiny).weights.size)
  }
  await expectSameLogProbs(folderOf(there[1]!))
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

test('reward-model on one and on two workers: losses, accuracy and shift are those of TensorFlow.js', async () => {
  const settings = { batchSize: 8, microBatchSize: 2, epochs: 2, learningRate: 1e-2, heldOutShare: 0.2 }
  const input = { policy: model, labels: [await labels()], references: { data, limits }, settings }
  const here = await computeStage(rewardModel, 'reward-model', input)
  expect(losses(here)).toHaveLength(5)
  const there = await onWorkers((workers) =>
    computeStage(rewardModelOnRay, 'reward-model', { ...input, ...onRay(workers) }),
  )
  for (const one of there) {
    expectClose(losses(one), losses(here), 1e-3)
    for (const figure of ['pairs', 'heldOut', 'steps', 'accuracy', 'humanPairs', 'humanAccuracy'])
      expect([figure, one.summary[figure]]).toEqual([figure, here.summary[figure]])
    expect(Math.abs((one.summary.shift as number) - (here.summary.shift as number))).toBeLessThan(5e-3)
    expect(one.summary.paddingGap).toBeLessThan(1e-2)
    for (const file of ['config.json', 'model.safetensors', 'reward-shift.json', 'calibration.json'])
      expect(existsSync(join(folderOf(one), file))).toBe(true)
  }
})

test('adapters go through all stages, each on the one before, and TensorFlow.js computes with them as PyTorch does', async () => {
  const settings = { batchSize: 8, microBatchSize: 2, learningRate: 5e-2, lora: { rank: 4, alpha: 8 } }
  const policy = await computeStage(sftOnRay, 'sft', { model, data, limits, settings, ...onRay() })
  const input = { policy, labels: [await labels()], settings: { ...settings, epochs: 1 } }
  const scorer = await computeStage(rewardModelOnRay, 'reward-model', { ...input, ...onRay() })
  expect(existsSync(join(folderOf(scorer), 'adapter_model.safetensors'))).toBe(true)
  const { scores } = JSON.parse(readFileSync(join(jobOf(scorer), 'result', 'scores.json'), 'utf8')) as Scores
  const scored = readFileSync(join(jobOf(scorer), 'measured.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const sequences = scored.map((line) => JSON.parse(line) as number[])
  const asSequence = (ids: number[]) => ({ prompt: ids.slice(0, 1), response: ids.slice(1) })
  expectClose(await rewards(await modelOf(scorer), sequences.map(asSequence), 4), scores, 1e-4)

  const steps = { algorithm: 'rloo', steps: 2, groupSize: 4, validateEvery: 1, validationPrompts: 4, minEntropy: 0 }
  const ofRl = { ...settings, ...steps, learningRate: 1e-3 }
  const rl = { policy, data, rewardModel: scorer, limits, settings: ofRl }
  const trained = await computeStage(rlOnRay, 'rl', { ...rl, ...onRay() })
  const merged = loadModel(join(jobOf(trained), '.merged'))
  expectSameWeights(await modelOf(policy), merged)
  expect(() => expectSameWeights(loadModel(tiny), merged)).toThrow() // SFT has trained
  const head = { [SCORE_HEAD]: [1, 8] }
  expectSameWeights(await modelOf(scorer), loadModel(join(jobOf(trained), '.merged-reward-model'), head))
  const { adapters } = await policyFolders(trained, open)
  expect(adapters).toEqual([folderOf(policy), folderOf(trained)])
  expect((await modelOf(trained)).weights.size).toBe(merged.weights.size)
})

/** A model in which its adapters are merged, as stages of TensorFlow.js load it. */
async function modelOf(of: Artifact): Promise<Model> {
  const { folder, adapters } = await policyFolders(of, open)
  return withAdapters(loadModel(folder), adapters)
}

interface Scores {
  scores: number[]
}

function expectSameWeights(some: Model, others: Model): void {
  expect([...others.weights.keys()].sort()).toEqual([...some.weights.keys()].sort())
  for (const [name, tensor] of some.weights)
    expectClose([...others.weights.get(name)!.dataSync()], [...tensor.dataSync()], 1e-5)
}

test('a whole run of direct RLAIF, by the command', async () => {
  const stack = await openLocalStack()
  try {
    const gold = { baseUrl: 'world:', model: 'gold' }
    const input = {
      ...{ method: 'direct-rlaif', model: 'world:policy', labeler: gold, judge: gold, onFailure: 'fail', ...onRay() },
      ...{ data: { path: 'world:summaries?rows=24', evaluationPrompts: 4 }, limits },
      sft: { batchSize: 8, epochs: 1 },
      rl: { algorithm: 'rloo', steps: 2, batchSize: 4, groupSize: 2, validateEvery: 2, validationPrompts: 2 },
    }
    const ended = await stack.run('run', 'align', '--id', 'whole', '--input', JSON.stringify(input))
    expect(ended).toMatchObject({ code: 0, err: '' })
    const { stages } = (await stack.client.workflow.getHandle('whole').result()) as AlignResult
    expect(stages.rl!.summary).toMatchObject({ labeler: 'gold of the miniature world', steps: 2, resumedAt: 0 })
    expect(stages.evaluate!.summary.winRate).toEqual(expect.any(Number))
  } finally {
    await stack.close()
  }
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
