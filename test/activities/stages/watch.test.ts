// RL and online DPO with a watch: endpoints that like later responses better as the reward and worse as the watch, so
// that every change of the policy looks like over-optimization.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { continueFrom, parkedBefore } from '../../../src/activities/continued-work'
import { readCandidates, readValidations } from '../../../src/activities/rows'
import type { StageHost } from '../../../src/activities/stage'
import { data as dataStage } from '../../../src/activities/stages/data'
import { onlineDpo } from '../../../src/activities/stages/online-dpo'
import { report } from '../../../src/activities/stages/report'
import { rl } from '../../../src/activities/stages/rl'
import { openAnswers, shelfOf } from '../../../src/artifacts/answers'
import { fileStore } from '../../../src/artifacts/file-store'
import { LOG_FILE } from '../../../src/artifacts/store'
import { fileDigest } from '../../../src/digest'
import { readJsonl } from '../../../src/json-lines'
import { z } from 'zod'
import { startEndpoint, type Endpoint, type Rule } from '../../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

jest.setTimeout(180_000)

const HELD = 12
const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 4 }
const file = join(temporaryFolder(), 'rows.jsonl')
writeFileSync(file, Array.from({ length: 56 }, (_, i) => JSON.stringify({ prompt: `Post ${i}` })).join('\n'))
let data: Awaited<ReturnType<typeof computeStage>>
beforeAll(async () => {
  data = await computeStage(dataStage, 'data', {
    task: 'helpful',
    data: { path: file, evaluationPrompts: 4 },
    limits,
    model,
  })
})

const endpoints: Endpoint[] = []
afterEach(async () => {
  await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()))
})
const price = { inputPerMillion: 1e6, outputPerMillion: 0 }
async function labeler(name: string, rule: Rule) {
  const endpoint = await startEndpoint(rule)
  endpoints.push(endpoint)
  return { baseUrl: endpoint.baseUrl, model: name, retries: 0, concurrency: 1, price }
}
const asked = () => endpoints.map(({ prompts }) => prompts.length)
/** The score rises with each question. */
const rising = (): Rule => {
  let n = 0
  return () => ({ '9': Math.min(0.9, 0.01 * ++n), '1': 0.1 })
}
/** The responses of the SFT model are liked, all later ones are not. */
const turning = (): Rule => {
  let n = 0
  return () => (++n <= HELD ? { '9': 0.9, '8': 0.01 * n } : { '2': 0.9, '3': 0.001 * n })
}
/** The same answers again to whoever asks later, in whatever order. */
const remembering = (rule: Rule): Rule => {
  const answers = new Map<string, ReturnType<Rule>>()
  return (prompt, body) => {
    if (!answers.has(prompt)) answers.set(prompt, rule(prompt, body))
    return answers.get(prompt)!
  }
}
const settings = {
  algorithm: 'rloo',
  groupSize: 2,
  batchSize: 4,
  steps: 4,
  validateEvery: 1,
  checkpointEvery: 1,
  validationPrompts: HELD,
  learningRate: 0.05,
  optimizer: 'adamw',
  minEntropy: 0,
  minLength: 0,
  maxKl: 1e6,
  missingEosPenalty: 0,
}
type Made = Awaited<ReturnType<typeof computeStage>>
const folderOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)
const weightsOf = (made: { uri: string }) => fileDigest(join(folderOf(made), 'model.safetensors'))
const logOf = (made: Made) => readJsonl(join(folderOf(made), LOG_FILE), z.record(z.string(), z.number()))
/** One attempt of the same work after the other. */
const attemptsOn = (root: string): Partial<StageHost> => {
  const opened = new Map<string, ReturnType<typeof openAnswers>>()
  return {
    checkpoints: join(root, 'checkpoints'),
    answers(identity) {
      const shelf = shelfOf(identity)
      if (!opened.has(shelf)) opened.set(shelf, openAnswers(root, { run: 'r', work: 'w' }, { shelf }))
      return opened.get(shelf)!
    },
  }
}
const endpointsOf = async (reward = rising(), watcher = turning()) => ({
  reward: { settings: await labeler('reward', reward) },
  watcher: { settings: await labeler('watcher', watcher) },
})
type Asked = Awaited<ReturnType<typeof endpointsOf>>
const trained = ({ reward, watcher }: Asked, use: object, more: Partial<StageHost> = attemptsOn(temporaryFolder())) =>
  computeStage(
    rl,
    'rl',
    { policy: model, data, labeler: reward, watch: { ...watcher, ...use }, limits, settings },
    more,
  )

const SENTENCE =
  /^over-optimized: from step 0 to step 1 the reward rose by 0\.\d+ .*, while the watch, watcher at .*, fell by 1\.\d+ /

test('warn: said at once, kept with the validations, in the figures and in the report; training goes on', async () => {
  const warnings: string[] = []
  const host = attemptsOn(temporaryFolder())
  const made = await trained(await endpointsOf(), {}, { ...host, warn: (text) => void warnings.push(text) })
  expect(warnings).toEqual([expect.stringMatching(SENTENCE)])
  expect(logOf(made).map(({ watchAlarm }) => watchAlarm)).toEqual([1, 1, 1, 1])
  expect(made.summary).toMatchObject({
    steps: 4,
    watch: expect.stringMatching(/^watcher at /) as string,
    overOptimized: expect.stringMatching(/; training went on$/) as string,
    requests: asked().reduce((a, b) => a + b),
  })
  expect(made.summary).not.toHaveProperty('stopped')
  const validations = readValidations(folderOf(made))
  expect(validations.map(({ rewards, watched }) => [rewards!.length, watched!.length])).toEqual(
    validations.map(() => [HELD, HELD]),
  )
  const { watchBefore, watchLast } = made.summary
  expect(Number(watchBefore)).toBeGreaterThan(Number(watchLast))

  writeFileSync(
    join(folderOf(made), 'manifest.json'),
    JSON.stringify({ stage: 'rl', version: 1, seconds: 1, summary: made.summary }),
  )
  const page = await computeStage(report, 'report', { title: 'x', settings: {}, artifacts: [made] })
  const html = readFileSync(join(folderOf(page), 'report.html'), 'utf8')
  expect(html).toMatch(/Over-optimized: from step 0 to step 1 .* training went on\. From there on/)
  expect(html).toMatch(/RL: what the watch gives on the validation prompts/)
})

test('stop: training ends there; back: the policy is the one that the watch liked best, here that of SFT', async () => {
  const stopped = await trained(await endpointsOf(), { action: 'stop' })
  expect(stopped.summary).toMatchObject({ steps: 1, stopped: expect.stringMatching(/training ended there$/) as string })
  expect(stopped.summary.candidates).toBe(1)
  const back = await trained(await endpointsOf(), { action: 'back' })
  expect(back.summary).toMatchObject({
    ...{ steps: 1, policyStep: 0, candidates: 0 },
    overOptimized: expect.stringMatching(/the policy is that of step 0$/) as string,
  })
  expect(await weightsOf(back)).toBe(await weightsOf(model))
  expect(readCandidates(folderOf(back)).candidates).toEqual([])
})

test('park: the stage fails with the remedy; decided, it goes on from its checkpoints', async () => {
  const root = temporaryFolder()
  const store = fileStore(root)
  const work = (key: string) => join(root, 'work', `rl-${key}`)
  const two = await endpointsOf()
  const host = (key: string) => ({ ...attemptsOn(root), checkpoints: join(work(key), 'checkpoints') })
  await expect(trained(two, { action: 'park' }, host('parked'))).rejects.toThrow(
    /^training: over-optimized: .*Retry with rl\.watch\.action "back" to take the policy of step 0/,
  )
  const before = asked()
  const next = { watch: { action: 'warn' } }
  expect(parkedBefore(next)).toEqual({ watch: { action: 'park' } })
  expect(parkedBefore({ watch: { action: 'park' } })).toBeUndefined()
  await continueFrom(store, { stage: 'rl', key: 'parked' }, host('back'))
  await continueFrom(store, { stage: 'rl', key: 'parked' }, host('warn'))
  const back = await trained(two, { action: 'back' }, host('back'))
  expect(asked()).toEqual(before)
  expect(await weightsOf(back)).toBe(await weightsOf(model))
  const on = await trained(two, { action: 'warn' }, host('warn'))
  expect(await weightsOf(on)).toBe(await weightsOf(await trained(two, { action: 'warn' }, host('again'))))
})

test('a training that is cut after each step ends with the same bytes, and pays for no answer twice', async () => {
  const rules = [remembering(rising()), remembering(turning())] as const
  const whole = await trained(await endpointsOf(...rules), {})
  const two = await endpointsOf(...rules)
  const host = { ...attemptsOn(temporaryFolder()), handleInterruption: () => () => true }
  for (let step = 1; step < settings.steps; step++)
    await expect(trained(two, {}, host)).rejects.toThrow(`asked to end after step ${step}`)
  const cut = await trained(two, {}, host)
  expect(await weightsOf(cut)).toBe(await weightsOf(whole))
  expect(asked().slice(2)).toEqual(asked().slice(0, 2))
  expect(readValidations(folderOf(cut))).toEqual(readValidations(folderOf(whole)))
})

test('a watch of pairs compares with the SFT model; what it leaves unanswered is counted, not most', async () => {
  const reward = { settings: await labeler('reward', rising()) }
  const rule = (answers: (n: number) => boolean): Rule => {
    let n = 0
    return () => (answers(++n) ? { '1': 0.3, '2': 0.6 } : { maybe: 1 })
  }
  const watcher = {
    settings: await labeler(
      'watcher',
      rule((n) => n > 4),
    ),
  }
  const made = await trained({ reward, watcher }, { ask: 'pairs' })
  expect(made.summary.watchBefore).toBe(0.5)
  const [first] = logOf(made)
  expect(first!.watchUnanswered).toBeGreaterThan(0)
  const mute = {
    settings: await labeler(
      'mute',
      rule(() => false),
    ),
  }
  await expect(trained({ reward, watcher: mute }, { ask: 'pairs' })).rejects.toThrow(
    /rl\.watch\.labeler: mute at .* answered about \d+ of 12 responses/,
  )
})

test('online DPO is watched too; labeler and watch of one endpoint are paid once', async () => {
  const both = await labeler('both', (prompt) =>
    prompt.includes(' 1 - ') ? { '1': 0.2, '2': 0.7 } : { '7': 0.5, '8': 0.5 },
  )
  const { algorithm: _, groupSize: __, missingEosPenalty: ___, ...training } = settings
  const made = await computeStage(
    onlineDpo,
    'online-dpo',
    { policy: model, data, labeler: { settings: both }, watch: { settings: both }, limits, settings: training },
    attemptsOn(temporaryFolder()),
  )
  expect(made.summary).toMatchObject({ watch: expect.stringMatching(/^both at /) as string, requests: asked()[0] })
  expect(made.summary).not.toHaveProperty('overOptimized')
  expect(logOf(made).every(({ watch }) => watch !== undefined)).toBe(true)
})
