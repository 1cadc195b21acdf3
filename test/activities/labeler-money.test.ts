// What a stage's labeler has cost and from when its answers are, over all attempts: each attempt opens the store of
// answers anew, as a new process does.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askerOf, asksAgain, restsOnOldAnswers } from '../../src/activities/asker'
import { openLabeler } from '../../src/activities/labeler'
import type { StageHost } from '../../src/activities/stage'
import { openAnswers } from '../../src/artifacts/answers'
import { labelerSchema } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'
import type { Labeler } from '../../src/feedback/labeler'
import { startEndpoint, type Endpoint } from '../feedback/endpoint'
import { temporaryFolder } from '../tiny-folder'

const TODAY = new Date().toISOString().slice(0, 10)
/** One token in costs 1. */
const price = { inputPerMillion: 1e6, outputPerMillion: 0 }
const questions = Array.from({ length: 40 }, (_, i) => ({ text: `Question ${i}`, ending: 'Answer=' }))

let endpoint: Endpoint
afterEach(() => endpoint?.close())

interface Server {
  /** Probabilities of the answer; undefined: no option is among them. */
  likely?: Record<string, number>
  usage?: unknown
}

/** An endpoint that reports one token in for each request, unless told otherwise. */
async function serve(server: Server): Promise<Server> {
  endpoint = await startEndpoint(
    () => '',
    (_, response) => {
      const top = Object.entries(server.likely ?? { '<think>': 1 }).map(([token, p]) => ({
        token,
        logprob: Math.log(p),
      }))
      const logprobs = { content: [{ ...top[0]!, top_logprobs: top }] }
      const usage = 'usage' in server ? server.usage : { prompt_tokens: 1, completion_tokens: 1 }
      return Boolean(response.end(JSON.stringify({ choices: [{ message: { content: 'x' }, logprobs }], usage })))
    },
  )
  return server
}

/** One attempt of a stage: it asks all questions. @returns its figures, and why it stopped */
async function attempt(root: string, more: object = {}, asker = { run: 'run-1', work: 'label-1' }) {
  const answers = openAnswers(root, asker)
  const given = { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, concurrency: 1, price, ...more }
  const host = { answers: () => answers } as Partial<StageHost> as StageHost
  const { labeler, spent } = await openLabeler({ settings: parse(labelerSchema, given, 'labeler') }, host)
  const stopped = await (labeler as Labeler).ask(questions, ['1', '2']).then(
    () => undefined,
    (error: Error) => error.message,
  )
  return { figures: spent(), stopped, byRun: answers.spent().byRun }
}

test('maxCost bounds what all attempts together spend, useless answers included', async () => {
  const root = temporaryFolder()
  await serve({})
  for (let n = 1; n <= 5; n++) {
    const { figures, stopped } = await attempt(root, { maxCost: 10 })
    expect(stopped).toMatch(/may exceed labeler\.maxCost = 10/)
    expect(figures).toMatchObject({ cost: expect.any(Number), requests: endpoint.prompts.length })
  }
  // A request is estimated at 6 tokens before it is sent: it is refused when 6 more might be too much.
  expect(endpoint.prompts.length).toBeLessThanOrEqual(10)
  expect(endpoint.prompts.length).toBeGreaterThanOrEqual(4)
  expect((await attempt(root, { maxCost: 10 })).stopped).toMatch(/is spent, \d\.\d+ of it by earlier attempts/)
})

test('the cost of a stage is that of all its attempts, and a run knows what it paid itself', async () => {
  const root = temporaryFolder()
  const server = await serve({})
  expect(await attempt(root)).toMatchObject({ figures: { cost: 40, requests: 40, promptTokens: 40 }, byRun: 40 })
  server.likely = { '1': 0.9, '2': 0.1 }
  const again = await attempt(root, {}, { run: 'run-2', work: 'label-1' })
  expect(again).toMatchObject({ figures: { cost: 80, requests: 80, reusedAnswers: 0 }, byRun: 40 })
  const other = await attempt(root, {}, { run: 'run-3', work: 'label-2' })
  expect(other).toMatchObject({ figures: { cost: 0, requests: 0, reusedAnswers: 40, reusedCost: 40 }, byRun: 0 })
})

test.each([[undefined], [null], [{}], [{ prompt_tokens: null }]])(
  'without token counts in the reply (usage %j) the estimate counts: the limit applies, and the figures say so',
  async (usage) => {
    await serve({ likely: { '1': 0.9, '2': 0.1 }, usage })
    const { figures, stopped } = await attempt(temporaryFolder(), { maxCost: 30 })
    expect(stopped).toMatch(/may exceed labeler\.maxCost = 30/)
    const requests = endpoint.prompts.length
    expect(requests).toBeLessThanOrEqual(5) // 6 tokens each: 17 or 18 bytes, 3 to a token
    expect(figures).toMatchObject({ requests, estimatedRequests: requests, cost: 6 * requests })
  },
)

test('a limit that is raised leaves the work the same; another question of money does not', () => {
  const input = (settings: object) => ({ labeler: { settings: { model: 'm', ...settings } }, seed: 1 })
  const work = (settings: object, run = 'a', ofRun = false) => askerOf('label', 1, input(settings), run, ofRun).work
  expect(work({ maxCost: 20, concurrency: 2 })).toBe(work({ maxCost: 10 }, 'b'))
  expect(work({ model: 'other' })).not.toBe(work({}))
  expect(work({}, 'a', true)).not.toBe(work({}, 'b', true))
  expect(work({ answers: 'again' }, 'a')).not.toBe(work({ answers: 'again' }, 'b'))
  expect([asksAgain(input({ answers: 'again' })), asksAgain(input({ answers: 'keep' }))]).toEqual([true, false])
})

describe('the setting "answers"', () => {
  const likely = { '1': 0.9, '2': 0.1 }
  const ofRun = (run: string) => ({ run, work: `label-${run}` })

  test('"again" asks once more in each run, and no attempt of a run pays twice', async () => {
    const root = temporaryFolder()
    await serve({ likely })
    await attempt(root, {}, ofRun('a'))
    const first = await attempt(root, { answers: 'again' }, ofRun('b'))
    expect(first.figures).toMatchObject({ reusedAnswers: 0, cost: 40, answersFrom: TODAY, answersTo: TODAY })
    const retried = await attempt(root, { answers: 'again' }, ofRun('b'))
    expect(retried.figures).toMatchObject({ reusedAnswers: 40, cost: 40 })
    expect((await attempt(root, {}, ofRun('c'))).figures).toMatchObject({ reusedAnswers: 40, cost: 0 })
    expect(endpoint.prompts).toHaveLength(80)
  })

  /** The same answers as if they had been given that many days ago, or by a version that stored no time. */
  function aged(days: number | undefined) {
    const root = temporaryFolder()
    const at = new Date(Date.now() - (days ?? 0) * 86_400_000).toISOString()
    return {
      root,
      day: at.slice(0, 10),
      async fill() {
        const kept = temporaryFolder()
        const store = openAnswers(kept)
        const lines: string[] = []
        const host = {
          answers: () => ({
            ...store,
            put: (answers: Parameters<typeof store.put>[0]) =>
              lines.push(
                ...answers.map(([key, answer]) =>
                  JSON.stringify(days === undefined ? [key, answer] : [key, answer, { at, run: 'x', work: 'y' }]),
                ),
              ),
          }),
        } as unknown as StageHost
        const settings = parse(labelerSchema, { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 }, 'labeler')
        await ((await openLabeler({ settings }, host)).labeler as Labeler).ask(questions, ['1', '2'])
        mkdirSync(join(root, 'answers'))
        writeFileSync(join(root, 'answers', 'old.jsonl'), `${lines.join('\n')}\n`)
        endpoint.prompts.length = 0
      },
    }
  }

  test.each([
    [29, 0],
    [31, 40],
    [undefined, 40],
  ])('{"maxAgeDays": 30}: of answers that are %s days old, %s are asked again', async (days, asked) => {
    await serve({ likely })
    const { root, fill, day } = aged(days)
    await fill()
    const { figures } = await attempt(root, { answers: { maxAgeDays: 30 } })
    expect(endpoint.prompts).toHaveLength(asked)
    expect(figures).toMatchObject({ answersFrom: asked === 0 ? day : TODAY, answersTo: asked === 0 ? day : TODAY })
  })

  test('the figures say from when the answers are, and how many have no date', async () => {
    await serve({ likely })
    const { root, fill, day } = aged(100)
    await fill()
    expect((await attempt(root)).figures).toMatchObject({ answersFrom: day, answersTo: day, reusedAnswers: 40 })
    const undated = aged(undefined)
    await undated.fill()
    const { figures } = await attempt(undated.root)
    expect(figures).toMatchObject({ answersFrom: null, answersTo: null, undatedAnswers: 40 })
  })

  test('an artifact that rests on older answers than the labeler may use is not reused', () => {
    const input = (answers: unknown) => ({ judge: { settings: { answers } } }) as object
    const day = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
    const old = (days: number, answers: unknown, more = {}) =>
      restsOnOldAnswers({ answersFrom: day(days), ...more }, input(answers))
    expect(old(40, { maxAgeDays: 30 })).toBe(true)
    expect(old(20, { maxAgeDays: 30 })).toBe(false)
    expect(old(20, { maxAgeDays: 30 }, { undatedAnswers: 3 })).toBe(true)
    expect(old(4000, 'keep')).toBe(false)
  })
})

test('lines of earlier versions and lines that a kill cut short are read as what they are', () => {
  const root = temporaryFolder()
  const store = openAnswers(root, { run: 'r', work: 'w' })
  const usage = { requests: 2, promptTokens: 3, completionTokens: 4, cost: 5, estimated: 0 }
  store.put([['new', { logProbs: [-1] }, usage]])
  store.pay(usage)
  const file = join(root, 'answers', 'earlier.jsonl')
  writeFileSync(file, '["old",{"logProbs":[-2]}]\n["text","quoted ,{\\"at\\":1} text"]\n')
  appendFileSync(file, '["cut",{"logProbs":[-1,null]') // ends like a whole line
  const again = openAnswers(root, { run: 'other', work: 'w' })
  expect(again.find('old')).toMatchObject({ answer: { logProbs: [-2] }, at: undefined })
  expect(again.get('text')).toBe('quoted ,{"at":1} text')
  expect(again.find('cut')).toBeUndefined()
  expect(again.find('new')).toMatchObject({ usage, isOwn: { run: false, work: true }, at: expect.any(Date) })
  expect(again.spent()).toEqual({ requests: 4, promptTokens: 6, completionTokens: 8, cost: 10, estimated: 0, byRun: 0 })
})
