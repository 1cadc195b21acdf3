// Direct rewards from an endpoint over real HTTP: while other responses are still sampled, and during an outage.
import { openReward } from '../../src/activities/rl-reward'
import type { StageHost } from '../../src/activities/stage'
import { openAnswers } from '../../src/artifacts/answers'
import { parse } from '../../src/contracts/parse'
import { stageSchemas, type StageInput } from '../../src/contracts/stages'
import type { Row } from '../../src/data/row'
import { readTask, taskFolder } from '../../src/data/task'
import { loadModelAndTokenizer } from '../../src/model/loaded'
import { sampleAndScore } from '../../src/training/rollout'
import { startEndpoint, type Endpoint, type Fault, type Rule } from '../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

const loaded = loadModelAndTokenizer(writeTinyFolder())
const rows: Row[] = Array.from({ length: 6 }, (_, i) => ({
  id: String(i),
  messages: [{ role: 'user', content: `Post ${i}` }],
  context: `Post ${i}`,
}))
const prompts = rows.map(({ context }) => loaded.tokenizer.encode(context))
const artifact = { uri: 'file:///x', sha256: '0'.repeat(64), bytes: 0, summary: {} }

let endpoint: Endpoint
afterEach(() => endpoint.close())

async function reward(rule: Rule, fault?: Fault, concurrency = 3, task = 'summarization') {
  endpoint = await startEndpoint(rule, fault)
  const labeler = {
    settings: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, stopAfterFailures: 1, concurrency },
  }
  const input = parse(
    stageSchemas.rl,
    { policy: artifact, data: artifact, labeler, limits: {}, settings: {} },
    'rl',
  ) as StageInput<'rl'>
  const phases: string[] = []
  const answers = openAnswers(temporaryFolder())
  const host = { answers: () => answers, report: ({ phase }) => phases.push(phase) } as Partial<StageHost> as StageHost
  const { rewardFor } = await openReward(input, readTask(taskFolder(task)), loaded, host)
  return { phases, reward: rewardFor(rows) }
}
const responses = rows.map((_, prompt) => ({ prompt, ids: loaded.tokenizer.encode(`answer ${prompt}`) }))

test('an outage pauses the step; what was answered before is not asked again', async () => {
  let down = false
  const { reward: asked, phases } = await reward(
    () => ({ '8': 1 }),
    (request, response) => {
      if (request === 4) {
        down = true
        setTimeout(() => (down = false), 2000)
      }
      return down && Boolean(response.writeHead(503).end('restarting'))
    },
    1,
  )
  expect(await asked.score(responses)).toEqual(Array.from({ length: 6 }, () => (8 - 5.5) / 4.5))
  expect(phases[0]).toMatch(/^waiting for judge at /)
  expect(endpoint.prompts).toHaveLength(7)
  expect(new Set(endpoint.prompts).size).toBe(6)
})

test('responses are scored as they are finished, never more at once than `concurrency` allows', async () => {
  const { reward: asked } = await reward(() => ({ '3': 0.5, '5': 0.5 }), undefined, 2)
  expect(asked.overlaps).toBe(true)
  const seen: number[] = []
  const watched = {
    ...asked,
    score: (part: Parameters<typeof asked.score>[0]) => (seen.push(part.length), asked.score(part)),
  }
  const { samples, scores } = await sampleAndScore(
    loaded.model,
    { prompts, chosen: [0, 1, 2, 3, 4, 5], reward: watched },
    { maxTokens: 8, temperature: 1, stopIds: [2], batchSize: 2 },
    ['overlap'],
  )
  expect(seen).toEqual([1, 1, 1, 1, 1, 1])
  expect(samples).toHaveLength(6)
  scores.forEach((score) => expect(score).toBeCloseTo((4 - 5.5) / 4.5, 6))
  expect(endpoint.mostAtOnce).toBeLessThanOrEqual(2)
})

test('a response without a score stops the step: no reward is made up', async () => {
  const { reward: asked } = await reward(() => ({ maybe: 1 }))
  await expect(asked.score(responses.slice(0, 1))).rejects.toThrow(
    /rl: judge at .* gave no score: no score from 1 to 10/,
  )
})

test('a task that asks in words gives the expected value of its answers, put to [-1, 1]', async () => {
  const rule: Rule = (prompt) =>
    /Text: answer 0\n\nSentiment:$/.test(prompt)
      ? { ' positive': 0.6, ' Negative': 0.2, ' mixed': 0.2 }
      : { negative: 1 }
  const { reward: asked } = await reward(rule, undefined, 3, 'cheerful')
  expect(await asked.score(responses.slice(0, 2))).toEqual([expect.closeTo(0.5, 12), -1])
  expect(endpoint.prompts.join()).not.toContain('Post 0')
})
