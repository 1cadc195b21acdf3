// Money and dates of answers in real runs: workers, child processes and a store, with an endpoint over HTTP that counts
// what it was asked.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import type { Artifact } from '../../src/contracts/artifact'
import type { RunStatus } from '../../src/contracts/status'
import { startEndpoint, type Endpoint } from '../feedback/endpoint'
import { openSite, until, type Site } from '../site'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(300_000)

const PAIRS = 12
/** What a request costs: about as much as is estimated before it. */
const COST = 200
const TODAY = new Date().toISOString().slice(0, 10)
const model = writeTinyFolder()
const data = join(temporaryFolder(), 'pairs.jsonl')
writeFileSync(
  data,
  Array.from({ length: PAIRS }, (_, i) =>
    JSON.stringify({ id: `${i}`, prompt: `Question ${i}?`, responses: ['yes', 'no'], preferred: 1 }),
  ).join('\n'),
)

let site: Site
let endpoint: Endpoint
/** Whether the endpoint's answers are of use. */
let thinks = false
beforeAll(async () => {
  endpoint = await startEndpoint(
    () => '',
    (_, response) => {
      const top = [
        { token: thinks ? '<think>' : '1', logprob: -0.1 },
        { token: thinks ? '\n' : '2', logprob: -2.3 },
      ]
      const choice = { message: { content: top[0]!.token }, logprobs: { content: [{ ...top[0]!, top_logprobs: top }] } }
      const usage = { prompt_tokens: COST, completion_tokens: 1 }
      return Boolean(response.end(JSON.stringify({ choices: [choice], usage })))
    },
  )
  site = await openSite()
  site.worker('workflow', 'label', 'gpu')
})
afterAll(async () => {
  await site.close()
  await endpoint.close()
})

/** @param labeler further settings */
const study = (labeler: object, more: object = {}) => ({
  task: 'harmless',
  model,
  data: { path: data },
  pairs: PAIRS,
  variants: [{ name: 'plain' }],
  labeler: {
    baseUrl: endpoint.baseUrl,
    model: 'judge',
    concurrency: 1,
    price: { inputPerMillion: 1e6, outputPerMillion: 0 },
    ...labeler,
  },
  onFailure: 'fail',
  ...more,
})
const judged = async (handle: WorkflowHandle): Promise<{ state: string; artifact: Artifact | undefined }> => {
  const { stages } = await handle.query<RunStatus>('status')
  const { state = 'waiting', artifact } = stages.find(({ stage }) => stage.startsWith('judge')) ?? {}
  return { state, artifact }
}
const failureOf = (handle: WorkflowHandle) =>
  handle.result().then(
    () => undefined,
    (error: { cause?: { message?: string; details?: unknown[] } }) => error.cause,
  )

test('maxCost bounds all runs of the same work, failed ones say what they spent, and a raised limit goes on from there', async () => {
  thinks = true
  const limited = study({ maxCost: 10 * COST })
  const first = await failureOf(await site.start('labelStudy', limited, 'first'))
  const spent = endpoint.prompts.length
  expect(spent).toBeGreaterThan(0)
  expect(spent).toBeLessThanOrEqual(10)
  expect(first).toMatchObject({ details: [{ runSpent: COST * spent }] })

  const handle = await site.start('labelStudy', { ...limited, onFailure: 'wait' }, 'second')
  await until(async () => ((await judged(handle)).state === 'parked' ? true : undefined))
  expect(endpoint.prompts).toHaveLength(spent)
  thinks = false
  await handle.executeUpdate('resolveFailure', {
    args: [{ action: 'retry', overrides: { labeler: { maxCost: 100 * COST } } }],
  })
  expect(await handle.result()).toMatchObject({ spent: COST * 2 * PAIRS })
  const { artifact } = await judged(handle)
  expect(artifact!.summary).toMatchObject({ cost: COST * endpoint.prompts.length, requests: endpoint.prompts.length })
})

test('"answers": "again" asks anew in each run, though artifacts and answers of an earlier one are there', async () => {
  thinks = false
  const asked = async (labeler: object, id: string) => {
    const before = endpoint.prompts.length
    const handle = await site.start('labelStudy', study(labeler), id)
    const { spent } = (await handle.result()) as { spent: number }
    const { state, artifact } = await judged(handle)
    return { requests: endpoint.prompts.length - before, spent: spent / COST, state, summary: artifact!.summary }
  }
  const all = 2 * PAIRS
  const model = { model: 'another' }
  expect(await asked(model, 'keep')).toMatchObject({ requests: all, spent: all, state: 'done' })
  expect(await asked(model, 'kept')).toMatchObject({ requests: 0, spent: 0, state: 'reused' })
  for (const id of ['again', 'and-again'])
    expect(await asked({ ...model, answers: 'again' }, id)).toMatchObject({
      requests: all,
      spent: all,
      state: 'done',
      summary: { answersFrom: TODAY, answersTo: TODAY, reusedAnswers: 0 },
    })
  expect(await asked({ ...model, answers: { maxAgeDays: 1 } }, 'recent')).toMatchObject({
    requests: 0,
    spent: 0,
    summary: { reusedAnswers: all, answersFrom: TODAY },
  })
})
