// Policies as adapters: small artifacts, which every stage reads as the policy that training ended with.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { data as dataStage } from '../../../src/activities/stages/data'
import { dpo } from '../../../src/activities/stages/dpo'
import { humanLabels } from '../../../src/activities/stages/human-labels'
import { model as modelStage } from '../../../src/activities/stages/model'
import { respond } from '../../../src/activities/stages/respond'
import { rewardModel } from '../../../src/activities/stages/reward-model'
import { rl } from '../../../src/activities/stages/rl'
import { sft } from '../../../src/activities/stages/sft'
import { padRight } from '../../../src/model/batch'
import { loadPolicy, policyFolders } from '../../../src/model/policy'
import type { Model } from '../../../src/model/model'
import { openSafetensors } from '../../../src/model/safetensors'
import { readValues } from '../../../src/model/tf'
import { hidden, logits } from '../../../src/model/transformer'
import { loadModel, saveModel } from '../../../src/model/weights'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'
import { writeFileSync } from 'node:fs'

jest.setTimeout(120_000)

const model = { uri: `file://${writeTinyFolder(temporaryFolder())}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 6 }
const lora = { rank: 2, alpha: 64, targets: ['q_proj', 'down_proj'] }
const training = { batchSize: 4, learningRate: 0.05, optimizer: 'adamw', lora }
const folderOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)
const open = (artifact: { uri: string }) => Promise.resolve(folderOf(artifact))
const filesOf = (folder: string) => readdirSync(folder).sort()
const row = [1, 400, 32, 7, 12, 900]
const lastLogits = (of: Model) =>
  Array.from(readValues(() => logits(of, hidden(of, padRight([row])))).slice(-of.config.vocabSize))
const textOf = (artifact: { uri: string }, file: string) => readFileSync(join(folderOf(artifact), file), 'utf8')

const rows = join(temporaryFolder(), 'rows.jsonl')
writeFileSync(
  rows,
  Array.from({ length: 16 }, (_, i) =>
    JSON.stringify({ prompt: `Post ${i}`, reference: `yes ${i}`, responses: [`yes ${i}`, `no ${i}`], preferred: 1 }),
  ).join('\n'),
)
const data = computeStage(dataStage, 'data', {
  task: 'helpful',
  data: { path: rows, evaluationPrompts: 4 },
  limits,
  model,
})
const tuned = (async () =>
  computeStage(sft, 'sft', { model, data: await data, limits, settings: { ...training, epochs: 2 } }))()

test('an adapter is an artifact of its own weights, which names its base by place and digest', async () => {
  const policy = await tuned
  expect(filesOf(folderOf(policy)).filter((name) => !/^(answers|checkpoints|metrics|store)/.test(name))).toEqual([
    'adapter_config.json',
    'adapter_model.safetensors',
    'base.json',
  ])
  expect(JSON.parse(textOf(policy, 'base.json'))).toEqual({
    artifact: folderOf(model).split('/').slice(-2).join('/'),
    sha256: model.sha256,
  })
  expect(statSync(join(folderOf(policy), 'adapter_model.safetensors')).size).toBeLessThan(5000)
  const { folder, adapters } = await policyFolders(policy, open)
  expect([folder, adapters]).toEqual([folderOf(model), [folderOf(policy)]])
})

test('stages read it as the whole model that it stands for, bit for bit', async () => {
  const policy = await tuned
  const whole = await computeStage(modelStage, 'model', { spec: policy.uri, from: policy })
  expect(existsSync(join(folderOf(whole), 'adapter_config.json'))).toBe(false)
  const merged = lastLogits(loadModel(folderOf(whole)))
  expect(lastLogits((await loadPolicy(policy, open)).model)).toEqual(merged)
  expect(lastLogits(loadModel(folderOf(model)))).not.toEqual(merged)
  const respondOf = async (policy: object) =>
    textOf(
      await computeStage(respond, 'respond', { policy, data: await data, limits, temperature: 1 }),
      'responses.jsonl',
    )
  expect(await respondOf(policy)).toBe(await respondOf(whole))
  expect(await respondOf(policy)).not.toBe(await respondOf(model))
})

test('an adapter on an adapter, with a reward model that is one too, trains and keeps all its candidates', async () => {
  const labels = [await computeStage(humanLabels, 'human-labels', { data: await data, model: await tuned, limits })]
  const judge = await computeStage(rewardModel, 'reward-model', { policy: await tuned, labels, settings: training })
  const head = openSafetensors(join(folderOf(judge), 'adapter_model.safetensors'))
  expect(head.tensor('base_model.model.score.weight')!.shape).toEqual([1, 8])
  expect(JSON.parse(textOf(judge, 'adapter_config.json'))).toMatchObject({
    task_type: 'SEQ_CLS',
    modules_to_save: ['score'],
  })
  const trained = await computeStage(rl, 'rl', {
    policy: await tuned,
    data: await data,
    rewardModel: judge,
    limits,
    settings: { ...training, steps: 4, validateEvery: 2, minEntropy: 0, minLength: 0, maxKl: 1e6 },
  })
  const { folder, adapters } = await policyFolders(trained, open)
  expect([folder, adapters.length]).toEqual([folderOf(model), 2])
  const ofLastStep = join(folderOf(trained), 'candidates', 'step-4', 'adapter_model.safetensors')
  expect(readFileSync(ofLastStep)).toEqual(readFileSync(join(folderOf(trained), 'adapter_model.safetensors')))
  expect(statSync(ofLastStep).nlink).toBe(2) // one file with two names
})

test('DPO trains an adapter on an adapter, whose base is its reference', async () => {
  const labels = [await computeStage(humanLabels, 'human-labels', { data: await data, model: await tuned, limits })]
  const settings = { ...training, epochs: 4, heldOutShare: 0.25, validateEvery: 2, learningRate: 0.01 }
  const trained = await computeStage(dpo, 'dpo', { policy: await tuned, labels, settings })
  const { folder, adapters } = await policyFolders(trained, open)
  expect([folder, adapters.length]).toEqual([folderOf(model), 2])
  const curve = textOf(trained, 'metrics.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>)
  expect(curve[0]!.loss).toBeCloseTo(Math.LN2, 4) // the policy starts as its reference
  expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss!)
  expect(curve.flatMap(({ validationLoss }) => validationLoss ?? []).at(-1)).toBe(trained.summary.validationLoss)
  expect(trained.summary).toMatchObject({ pairs: 9, heldOut: 3, steps: 9, accuracy: 1 })
  expect(trained.summary).not.toHaveProperty('forwardKl') // people's texts are no samples of the SFT model
})

test('of a base in bfloat16 the adapter is too; its score head stays in float32', async () => {
  const whole = temporaryFolder()
  const { config, weights } = loadModel(folderOf(model))
  saveModel({ config, weights }, whole, folderOf(model), { dtype: 'BF16' })
  const small = { ...model, uri: `file://${whole}` }
  const settings = { ...training, epochs: 1 }
  const policy = await computeStage(sft, 'sft', { model: small, data: await data, limits, settings })
  const labels = [await computeStage(humanLabels, 'human-labels', { data: await data, model: small, limits })]
  const judge = await computeStage(rewardModel, 'reward-model', { policy: small, labels, settings: training })
  const dtypesOf = (artifact: { uri: string }) => {
    const weights = openSafetensors(join(folderOf(artifact), 'adapter_model.safetensors'))
    const dtypes = [...weights.names].map(
      (name) => `${/score/.test(name) ? 'head' : 'matrix'} ${weights.tensor(name)!.dtype}`,
    )
    weights.close()
    return [...new Set(dtypes)].sort()
  }
  expect([dtypesOf(await tuned), dtypesOf(policy)]).toEqual([['matrix F32'], ['matrix BF16']])
  expect(dtypesOf(judge)).toEqual(['head F32', 'matrix BF16'])
})

test('a base that is damaged into its own adapter ends with an error', async () => {
  const policy = await tuned
  const loop = temporaryFolder()
  writeFileSync(
    join(loop, 'base.json'),
    JSON.stringify({ artifact: loop.split('/').slice(-2).join('/'), sha256: policy.sha256 }),
  )
  await expect(policyFolders({ uri: `file://${loop}`, sha256: policy.sha256 }, open)).rejects.toThrow(
    /belongs to itself/,
  )
})
