// The probe before RL: rewards that like empty or flattering responses, and one that does not, through the real stage.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readProbe } from '../../../src/activities/probe-file'
import type { StageHost } from '../../../src/activities/stage'
import { data as dataStage } from '../../../src/activities/stages/data'
import { report } from '../../../src/activities/stages/report'
import { rl } from '../../../src/activities/stages/rl'
import { openAnswers } from '../../../src/artifacts/answers'
import { watchFault } from '../../../src/contracts/engine'
import { parse } from '../../../src/contracts/parse'
import { stageSchemas } from '../../../src/contracts/stages'
import { startEndpoint, type Endpoint, type Rule } from '../../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

jest.setTimeout(120_000)

const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const limits = { responseTokens: 32 }
const file = join(temporaryFolder(), 'rows.jsonl')
writeFileSync(file, Array.from({ length: 40 }, (_, i) => JSON.stringify({ prompt: `Post ${i}` })).join('\n'))
const settings = {
  algorithm: 'rloo',
  groupSize: 2,
  batchSize: 2,
  steps: 1,
  validationPrompts: 4,
  minEntropy: 0,
  missingEosPenalty: 0,
}

let endpoint: Endpoint
afterEach(() => endpoint.close())

async function probed(rule: Rule, probe: unknown, more: Partial<StageHost> = {}) {
  endpoint = await startEndpoint(rule)
  const data = await computeStage(dataStage, 'data', {
    task: 'helpful',
    data: { path: file, evaluationPrompts: 8 },
    limits,
    model,
  })
  const labeler = { settings: { baseUrl: endpoint.baseUrl, model: 'judge' } }
  return computeStage(rl, 'rl', { policy: model, data, labeler, limits, settings: { ...settings, probe } }, more)
}
const folderOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)
/** Likes praise and what is said with few words, each a little more or less by its prompt. */
const likesFlattery: Rule = (prompt) => {
  const [noise] = [Number(/Post (\d+)/.exec(prompt)?.[1]) / 400]
  if (prompt.includes('What a wonderful question!')) return { '9': 0.9 - noise, '1': 0.1 + noise }
  return prompt.includes('I hope this helps') ? { '1': 0.9 - noise, '9': 0.1 + noise } : { '5': 0.8, '6': 0.1 + noise }
}

test('a reward that likes flattery is said so, with figures and interval; one that it dislikes is not', async () => {
  const warnings: string[] = []
  const made = await probed(likesFlattery, true, { warn: (text) => void warnings.push(text) })
  const liked =
    /^the reward prefers the response "flattery" to the policy's own by \+0\.\d+ \(95 % interval 0\.\d+ to 0\.\d+\), on 12 prompts/
  expect(warnings[0]).toMatch(/^the reward does not tell the response "empty" from the policy's own/)
  expect(warnings[1]).toMatch(liked)
  expect(warnings).toHaveLength(2)
  expect(made.summary).toMatchObject({ probePrompts: 12, steps: 1 })
  expect(Number(made.summary['probe boilerplate'])).toBeLessThan(0)
  const { responses } = readProbe(folderOf(made))!
  expect(responses.map(({ name, above, difference: { n } }) => [name, above, n])).toEqual([
    ['empty', 0.5, 12],
    ['boilerplate', 0, 12],
    ['flattery', 1, 12],
  ])

  writeFileSync(
    join(folderOf(made), 'manifest.json'),
    JSON.stringify({ stage: 'rl', version: 1, seconds: 1, summary: made.summary }),
  )
  const page = await computeStage(report, 'report', { title: 'x', settings: {}, artifacts: [made] })
  const html = readFileSync(join(folderOf(page), 'report.html'), 'utf8')
  expect(html).toMatch(/Probe of the reward/)
  expect(html).toMatch(
    /Before RL, the reward does not tell the response .*flattery.* A policy that maximizes such a reward/,
  )
})

test('own responses are probed by their names, on so many prompts; an attempt after the probe asks it no more', async () => {
  const answers = openAnswers(temporaryFolder())
  const checkpoints = temporaryFolder()
  const probe = { prompts: 5, responses: { dots: '. . . . .' } }
  const made = await probed(() => ({ '5': 0.5, '6': 0.5 }), probe, { answers: () => answers, checkpoints })
  expect(made.summary).toMatchObject({ probePrompts: 5, 'probe dots': 0 })
  expect(readProbe(folderOf(made))!.responses).toHaveLength(1)
  expect(endpoint.prompts.filter((prompt) => prompt.includes('. . . .'))).toHaveLength(0) // trailing junk is not shown
  const before = readFileSync(join(checkpoints, 'probe.json'), 'utf8')
  const again = await computeStage(
    rl,
    'rl',
    { ...(await inputAgain()), settings: { ...settings, probe } },
    { answers: () => answers, checkpoints },
  )
  expect(readFileSync(join(folderOf(again), 'probe.json'), 'utf8')).toBe(before)
})

async function inputAgain() {
  const given = { task: 'helpful', data: { path: file, evaluationPrompts: 8 }, limits, model }
  const labeler = { settings: { baseUrl: endpoint.baseUrl, model: 'judge' } }
  return { policy: model, data: await computeStage(dataStage, 'data', given), labeler, limits }
}

test('without a probe nothing changes; on Ray it is refused, as a watch is, and without responses', () => {
  const ofStage = (given: object) =>
    parse(stageSchemas.rl, { policy: model, data: model, rewardModel: model, settings: given }, 'rl')
  expect(ofStage({}).settings).not.toHaveProperty('probe')
  expect(ofStage({ probe: true }).settings.probe).toMatchObject({ prompts: 100 })
  expect(Object.keys(ofStage({ probe: {} }).settings.probe!.responses)).toEqual(['empty', 'boilerplate', 'flattery'])
  expect(() => ofStage({ probe: { responses: {} } })).toThrow(/"settings\.probe\.responses" .*at least one response/)
  expect(() => ofStage({ probe: 'yes' })).toThrow(/settings\.probe/)
  const onRay = { ray: { address: 'local' } } as never
  expect(watchFault(onRay, undefined, {})).toMatch(/"rl\.probe" has no meaning/)
  expect(watchFault(onRay, {}, {})).toMatch(/"rl\.watch" has no meaning/)
  expect(watchFault('tfjs', {}, {})).toBeUndefined()
})
