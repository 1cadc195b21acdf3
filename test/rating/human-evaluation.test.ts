// A human evaluation over HTTP, on a real server: raters, closed pages, bad forms, and a restart of everything.
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'
import { temporal } from '@temporalio/proto'
import type { Artifact } from '../../src/contracts/artifact'
import { evaluationOf } from '../../src/cli/rating-run'
import { linkOf, ratingKey } from '../../src/rating/links'
import { openRatingServer } from '../../src/rating/server'
import { openLocalStack, type LocalStack } from '../local-stack'
import { plainPrompts, writeContest } from '../contest-artifact'

jest.setTimeout(240_000)

const RUN = 'people'
let stack: LocalStack
let handle: WorkflowHandle
let server: Server
let base: string

beforeAll(async () => {
  stack = await openLocalStack()
  const contest = await writeContest(stack.home, plainPrompts(12))
  handle = await stack.client.workflow.start('humanEvaluation', {
    taskQueue: 'rlaif',
    workflowId: RUN,
    args: [{ contest: contest.uri, ratingsPerPrompt: 2, raters: ['anna', 'ben'], checkEvery: 6 }],
  })
  await openServer()
})
afterAll(async () => {
  server.close()
  server.closeAllConnections()
  await stack.close()
})

async function openServer(port = 0): Promise<void> {
  server = await openRatingServer(evaluationOf(handle, stack.home), ratingKey(stack.home), port, '127.0.0.1')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const linkFor = (rater: string) => `${base}${linkOf(ratingKey(stack.home), RUN, rater)}`

interface Shown {
  item: number
  responses: string[]
}
/** Like browsers, opens a kept-alive connection again that the server has since closed. */
async function request(url: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch {
    return fetch(url, init)
  }
}

async function open(rater: string): Promise<Shown | undefined> {
  for (;;) {
    const response = await request(linkFor(rater))
    const html = await response.text()
    if (/One moment|Not available/.test(html)) continue
    const item = /name="item" value="(\d+)"/.exec(html)?.[1]
    return item === undefined
      ? undefined
      : {
          item: Number(item),
          responses: [...html.matchAll(/<div class="text">(.*?)<\/div>/gs)].map(([, text]) => text!),
        }
  }
}
const post = (rater: string, fields: Record<string, string>) =>
  request(linkFor(rater), { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })

/** Ranks without mistakes. */
const value = (text: string) =>
  text.startsWith('right') ? 0 : text.startsWith('middle') ? 1 : text.startsWith('worst') ? 2 : 3
const formFor = ({ item, responses }: Shown) => {
  const order = [...responses].sort((a, b) => value(a) - value(b))
  return {
    item: String(item),
    seconds: '4',
    ...Object.fromEntries(responses.map((text, at) => [`r${at}`, String(order.indexOf(text))])),
  }
}

test('every saved rating is in the result once, although a rater leaves and worker and page restart', async () => {
  expect((await fetch(`${base}/rate/anna/wrong-token`)).status).toBe(404)
  expect((await fetch(linkFor('anna').replace('/anna/', '/ben/'))).status).toBe(404)
  const first = (await open('anna'))!
  const page = await (await fetch(linkFor('anna'))).text()
  expect(page).toContain('&#60;b&#62;bold&#60;/b&#62;')
  expect(page).not.toMatch(/<b>bold|>right<\/legend>/)
  expect((await open('anna'))!.item).toBe(first.item) // a rater who leaves and returns gets the same item
  const tied = await post('anna', { ...formFor(first), r0: '0', r1: '0', r2: '0' })
  expect([tied.status, await tied.text()]).toEqual([400, expect.stringMatching(/no two alike/)])

  const saved: string[] = []
  const work = async (rater: string, most: number) => {
    for (let i = 0; i < most; i++) {
      const shown = await open(rater)
      if (!shown) return
      const response = await post(rater, formFor(shown))
      if (response.status === 303) saved.push(`${rater} ${shown.item}`)
      else
        expect([response.status, await response.text()]).toEqual([
          503,
          expect.stringMatching(/Not saved.*Your choice is still here.*checked/s),
        ])
    }
  }
  await Promise.all([work('anna', 3), work('ben', 4)])
  const died = new Promise((done) => stack.up.once('close', done))
  stack.up.kill('SIGKILL')
  await died
  await stack.upAgain()
  handle = stack.client.workflow.getHandle(RUN)
  const { port } = server.address() as AddressInfo
  server.close()
  server.closeAllConnections()
  await openServer(port)
  await Promise.all([work('anna', 100), work('ben', 100)])

  const { report } = (await handle.result()) as { report: Artifact }
  const folder = fileURLToPath(report.uri)
  const ratings = readFileSync(join(folder, 'ratings.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { rater: string; item: number })
  expect(ratings.map(({ rater, item }) => `${rater} ${item}`).sort()).toEqual([...new Set(saved)].sort())
  expect(ratings.length).toBe(12 * 2 + 2 * 2) // twelve prompts twice, two attention checks for both raters
  const result = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as {
    duels: { first: string; winRate: { value: number } }[]
    kendallW: number
    raters: { checks: { value: number } }[]
  }
  expect(result.kendallW).toBe(1)
  expect(result.raters.map(({ checks }) => checks.value)).toEqual([1, 1])
  expect(await (await fetch(linkFor('anna'))).text()).toMatch(/Thank you.*every one of them is saved/s)
})

test('ratings are exported to a file and imported into another evaluation', async () => {
  const exported = await stack.run('ratings', 'export', RUN)
  expect(exported.out.trim().split('\n')).toHaveLength(28)
  const contest = await writeContest(stack.home, plainPrompts(12))
  const other = await stack.client.workflow.start('humanEvaluation', {
    taskQueue: 'rlaif',
    workflowId: 'copied',
    args: [{ contest, ratingsPerPrompt: 2, raters: ['anna', 'ben'], checkEvery: 6 }],
  })
  const file = join(stack.home, 'ratings.jsonl')
  writeFileSync(file, exported.out)
  while (!(await other.query<{ items?: string }>('ratings')).items) await new Promise((done) => setTimeout(done, 100))
  expect(await stack.run('ratings', 'import', 'copied', file)).toMatchObject({
    code: 0,
    out: '28 ratings are in copied\n',
  })
  const { ratings } = (await other.result()) as { ratings: number }
  expect(ratings).toBe(28)
})

describe('the contest is named by the run of its comparison', () => {
  let contest: Artifact
  beforeAll(async () => {
    contest = await writeContest(stack.home, plainPrompts(12))
    await endedRun('compare', 'compared', { contests: [contest] })
  })

  /** A run that has ended with this result, without a worker that computed it. */
  async function endedRun(workflow: string, workflowId: string, result: object): Promise<void> {
    const { workflowService: service } = stack.client
    const taskQueue = `of-${workflowId}`
    await stack.client.workflow.start(workflow, { taskQueue, workflowId })
    const { taskToken } = await stack.client.connection.withDeadline(Date.now() + 30_000, () =>
      service.pollWorkflowTaskQueue({ namespace: 'default', taskQueue: { name: taskQueue } }),
    )
    const payloads = [defaultPayloadConverter.toPayload(result)]
    const command = {
      commandType: temporal.api.enums.v1.CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
      completeWorkflowExecutionCommandAttributes: { result: { payloads } },
    }
    await service.respondWorkflowTaskCompleted({ namespace: 'default', taskToken, commands: [command] })
  }

  const evaluate = (given: unknown) =>
    stack.run('run', 'humanEvaluation', '--input', JSON.stringify({ contest: given, ratingsPerPrompt: 2 }))

  test.each<[string, unknown]>([
    ['by its id', 'compared'],
    ['by its id and a seed', { run: 'compared', seed: 1 }],
  ])('%s', async (name, given) => {
    const workflowId = `rated ${name}`
    const run = await stack.client.workflow.start('humanEvaluation', {
      taskQueue: 'rlaif',
      workflowId,
      args: [{ contest: given, ratingsPerPrompt: 1, raters: ['anna'] }],
    })
    let items: string | undefined
    while (!(items = (await run.query<{ items?: string }>('ratings')).items))
      await new Promise((done) => setTimeout(done, 100))
    const { input } = JSON.parse(readFileSync(join(fileURLToPath(items), 'manifest.json'), 'utf8')) as {
      input: { contest: Artifact }
    }
    expect(input.contest).toEqual(contest)
    await run.executeUpdate('close')
    expect(await run.result()).toMatchObject({ ratings: 0 })
  })

  test('a run that has none ends the evaluation at once, with the reason', async () => {
    await endedRun('align', 'aligned', {})
    await stack.client.workflow.start('compare', { taskQueue: 'nobody-polls-it', workflowId: 'comparing' })
    const wrong: [unknown, RegExp][] = [
      [
        'nobody',
        /field "contest" names the run "nobody", which there is not; `npm run rlaif -- status` lists the runs/,
      ],
      ['aligned', /"aligned", which is one of align; only a run of compare has a contest/],
      ['comparing', /"comparing", which has not ended yet; start the evaluation when it has/],
      [{ run: 'compared', seed: 7 }, /"compared", a comparison without seed 7: there are 1/],
    ]
    for (const [given, message] of wrong) {
      const { code, err } = await evaluate(given)
      expect(err).toMatch(message)
      expect(code).toBe(1)
    }
  })
})

test.each([
  [{ raters: ['anna'] }, /field "raters" .*at least as many raters as "ratingsPerPrompt"/s],
  [{ raters: ['a b', 'c', 'd'] }, /letters, digits, underscores, dots and dashes/],
  [{ prompts: 10_000, ratingsPerPrompt: 20, raters: Array.from({ length: 20 }, (_, i) => `r${i}`) }, /at most 30000/],
])('%j is refused with the field’s name', async (fields, message) => {
  const run = await stack.client.workflow.start('humanEvaluation', {
    taskQueue: 'rlaif',
    workflowId: `bad-${JSON.stringify(fields).length}`,
    args: [{ contest: 'file:///x', ...fields }],
  })
  await expect(run.result()).rejects.toMatchObject({ cause: { message: expect.stringMatching(message) } })
})
