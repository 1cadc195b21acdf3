// Stages on models with tokenizers like those of common families: rows that a template refuses, ends of responses,
// labelers, and ids of one vocabulary that meet a model of another.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { data as dataStage } from '../../../src/activities/stages/data'
import { humanLabels } from '../../../src/activities/stages/human-labels'
import { model as modelStage } from '../../../src/activities/stages/model'
import { rewardModel } from '../../../src/activities/stages/reward-model'
import { rl } from '../../../src/activities/stages/rl'
import { sft } from '../../../src/activities/stages/sft'
import { readDropped } from '../../../src/activities/result-files'
import type { LabelledPair } from '../../../src/activities/rows'
import { localLabeler } from '../../../src/feedback/local-labeler'
import { readModelConfig } from '../../../src/model/folder'
import { initialModel } from '../../../src/model/initial'
import { loadModelAndTokenizer } from '../../../src/model/loaded'
import { disposeModel } from '../../../src/model/model'
import { nextTokenLogProbs } from '../../../src/model/score'
import { loadTokenizer } from '../../../src/model/tokenizer'
import { saveModel } from '../../../src/model/weights'
import expected from '../../reference/chat/expected.json'
import { temporaryFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

const limits = { promptTokens: 500, responseTokens: 40 }
const pathOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)
const artifactOf = (folder: string) => ({ uri: `file://${folder}`, sha256: '0'.repeat(64), bytes: 1, summary: {} })

/** A model with arbitrary weights and the tokenizer of a family. */
function modelOf(family: keyof typeof expected.families) {
  const from = join(__dirname, '../../reference/chat', family)
  const folder = join(temporaryFolder(), family)
  const model = initialModel(readModelConfig(from), 1)
  saveModel(model, folder, from)
  disposeModel(model)
  return folder
}

const dataOf = (model: string, rows: object[]) => {
  const file = join(temporaryFolder(), 'rows.jsonl')
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  const data = { path: file, evaluationPrompts: 1 }
  return computeStage(dataStage, 'data', { task: 'helpful', data, limits, model: artifactOf(model) })
}
const prompts = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ prompt: `Question ${i}?`, reference: `Yes ${i}.` }))
const compared = Array.from({ length: 8 }, (_, i) => ({
  prompt: `Post ${i}`,
  responses: [`yes ${i}`, `no <|im_end|> ${i}`],
  preferred: 1 + (i % 2),
}))

test('a row that the template refuses is left out and counted; when all are, the stage shows why', async () => {
  const gemma = modelOf('gemma')
  const turns = (...roles: string[]) => ({
    messages: roles.map((role, i) => ({ role, content: `Turn ${i} ${roles.length}` })),
  })
  const refused = [turns('user', 'user'), turns('system', 'user'), turns('user', 'user', 'user')]
  const { uri, summary } = await dataOf(gemma, [...prompts(4), ...refused])
  expect(summary).toMatchObject({ train: 3, evaluation: 1, dropped: 3 })
  expect(readDropped(pathOf({ uri }))).toEqual({
    'the chat template refuses it: Turns of user and assistant must alternate': {
      rows: 2,
      where: 'line 5',
      row: expect.stringContaining('Turn 0 2') as string,
    },
    'the chat template refuses it: A system turn is not supported': {
      rows: 1,
      where: 'line 6',
      row: expect.stringContaining('"role":"system"') as string,
    },
  })
  await expect(dataOf(gemma, refused)).rejects.toThrow(/the chat template refuses it: .*must alternate/)
})

test('a model without a chat template is a caution of the report, one with a template is not', async () => {
  const [with_, without] = [modelOf('phi'), modelOf('phi')]
  writeFileSync(join(without, 'tokenizer_config.json'), '{}')
  expect((await dataOf(with_, prompts(4))).summary.caution).toBeUndefined()
  const { summary } = await dataOf(without, prompts(4))
  expect(summary.caution).toMatch(/The model has no chat template: .*"Human: "/)
  expect((await dataOf(modelOf('smollm3'), prompts(4))).summary.templateDate).toBe('2026-01-01')
})

test('stage model keeps every template file and the variables; a model trained from it has the same prompts', async () => {
  const folder = modelOf('qwen3')
  const template = { enable_thinking: false }
  const model = await computeStage(modelStage, 'model', { spec: folder, template })
  expect(existsSync(join(pathOf(model), 'additional_chat_templates/tool_use.jinja'))).toBe(true)
  const data = await dataOf(pathOf(model), prompts(4))
  const trained = await computeStage(sft, 'sft', { model, data, limits, settings: {} })
  const { messages, text } = expected.families.qwen3.withVariables as never as { messages: never; text: string }
  for (const artifact of [model, trained]) expect(loadTokenizer(pathOf(artifact)).renderChat(messages)).toBe(text)
})

test("people's responses end with the token that ends a turn, and spell no other", async () => {
  for (const family of ['llama3', 'qwen2.5', 'gemma'] as const) {
    const model = modelOf(family)
    const data = await dataOf(model, compared)
    const labels = await computeStage(humanLabels, 'human-labels', { data, model: artifactOf(model), limits })
    const rows = readFileSync(join(pathOf(labels), 'labels.jsonl'), 'utf8')
      .trim()
      .split('\n')
    const { end } = expected.families[family]
    for (const row of rows.map((line) => JSON.parse(line) as LabelledPair))
      for (const { ids } of [row.first, row.second]) {
        expect(ids.at(-1)).toBe(end)
        expect(ids.indexOf(end)).toBe(ids.length - 1)
      }
  }
})

test.each(['llama2', 'mistral', 'gemma'] as const)('%s answers as a labeler', async (family) => {
  const loaded = loadModelAndTokenizer(modelOf(family))
  const reference = expected.families[family]
  const { ending, ids } = reference.options[0]!
  const { content } = reference.conversations[0]!.messages[0]!
  const labeler = localLabeler(family, 'digest', loaded)
  const [answer] = await labeler.ask([{ text: content, ending }], ['1'])
  const prompt = loaded.tokenizer.encode(reference.conversations[0]!.text! + ending)
  const [logProbs] = await nextTokenLogProbs(
    loaded.model,
    [prompt],
    ids.filter((id) => id !== null),
  )
  const want = Math.log(logProbs!.reduce((sum, logProb) => sum + Math.exp(logProb), 0))
  expect((answer as { logProbs: number[] }).logProbs[0]).toBeCloseTo(want, 6)
})

test('ids of one vocabulary are refused with a model of another, by name', async () => {
  const [policy, other] = [modelOf('qwen2.5'), modelOf('llama3')]
  const labelsOf = async (model: string) =>
    computeStage(humanLabels, 'human-labels', { data: await dataOf(model, compared), model: artifactOf(model), limits })
  const own = await labelsOf(policy)
  const foreign = await labelsOf(other)
  const train = (labels: object[], model = policy) =>
    computeStage(rewardModel, 'reward-model', { policy: artifactOf(model), labels, settings: { epochs: 1 } })
  await expect(train([own, foreign])).rejects.toThrow(
    new RegExp(`reward-model: the policy in ${policy} .* and the labels ${foreign.uri} .* have different vocabularies`),
  )
  const scorer = await train([foreign], other)
  const data = await dataOf(policy, prompts(6))
  const settings = { steps: 1, batchSize: 2, candidates: 0 }
  await expect(
    computeStage(rl, 'rl', { policy: artifactOf(policy), data, rewardModel: scorer, limits, settings }),
  ).rejects.toThrow(
    new RegExp(`rl: the policy file://${policy} .* and the reward model ${scorer.uri} .* have different vocabularies`),
  )
  const fitting = await train([own])
  const trained = await computeStage(rl, 'rl', {
    policy: artifactOf(policy),
    data,
    rewardModel: fitting,
    limits,
    settings,
  })
  expect(trained.summary.steps).toBe(1)
})
