// The stage on a tiny model: on which pairs its accuracy on human preferences is measured.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rewardModel } from '../../../src/activities/stages/reward-model'
import { readData } from '../../../src/activities/rows'
import { data as dataStage } from '../../../src/activities/stages/data'
import { humanLabels } from '../../../src/activities/stages/human-labels'
import { loadTokenizer } from '../../../src/model/tokenizer'
import { SCORE_HEAD } from '../../../src/model/weight-names'
import { readModelConfig } from '../../../src/model/folder'
import { loadModel } from '../../../src/model/weights'
import { rewards } from '../../../src/training/reward-model'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage as run } from '../compute-stage'

test('accuracy on human preferences is of the held-out prompts, each pair scored by the finished model', async () => {
  const folder = writeTinyFolder()
  const model = { uri: `file://${folder}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
  const file = join(temporaryFolder(), 'rows.jsonl')
  mkdirSync(join(file, '..'), { recursive: true })
  const rows = Array.from({ length: 24 }, (_, i) => ({
    prompt: `Post ${i}`,
    responses: [`yes ${i}`, `no, never ${i}`],
    preferred: 1 + (i % 2),
  }))
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  const limits = { responseTokens: 8 }
  const data = await run(dataStage, 'data', {
    task: 'helpful',
    data: { path: file, evaluationPrompts: 10 },
    limits,
    model,
  })
  const labels = await run(humanLabels, 'human-labels', { data, model, limits })
  const trained = await run(rewardModel, 'reward-model', {
    policy: model,
    labels: [labels],
    references: { data, limits },
    settings: { epochs: 1 },
  })

  const output = trained.uri.slice('file://'.length)
  const scored = loadModel(output, { [SCORE_HEAD]: [1, readModelConfig(output).hiddenSize] })
  const tokenizer = loadTokenizer(folder)
  const [end] = readModelConfig(folder).eosTokenIds
  const held = readData(data.uri.slice('file://'.length)).evaluation
  let right = 0
  for (const { messages, pairs } of held) {
    const prompt = tokenizer.encode(tokenizer.renderChat(messages))
    const { responses, preferred } = pairs![0]!
    const scores: number[] = []
    for (const text of responses)
      scores.push(...(await rewards(scored, [{ prompt, response: [...tokenizer.encode(text), end!].slice(0, 8) }], 1)))
    if (scores[0]! > scores[1]! === (preferred === 1)) right++
  }
  expect(held).toHaveLength(10)
  expect(trained.summary).toMatchObject({ humanPairs: 10, humanAccuracy: right / 10 })
})
