// A watch as a setting of RL and online DPO: what is refused, what it names, what keeps keys as they were.
import { askerOf, asksAgain } from '../../src/activities/asker'
import { armsOf } from '../../src/contracts/compare-input'
import { mapNames, mapOverrides, namesIn } from '../../src/contracts/given-names'
import { parse } from '../../src/contracts/parse'
import { overridden } from '../../src/contracts/resolution'
import { withRunPrecision } from '../../src/contracts/run-precision'
import { stageSchemas } from '../../src/contracts/stages'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'

const align = (given: object) => parse(workflowSchemas.align, given, 'align')
const endpoint = { baseUrl: 'http://localhost:8000/v1', model: 'big' }

test('its labeler has the defaults of one, and it warns unless told otherwise', () => {
  expect(align({ rl: { watch: {} } }).rl.watch).toMatchObject({
    labeler: { model: 'default', orders: 2 },
    ask: 'scores',
    action: 'warn',
  })
  expect(align({}).rl).not.toHaveProperty('watch')
  expect(
    align({ method: 'online-dpo', onlineDpo: { watch: { labeler: { jury: ['default', endpoint] } } } }),
  ).toBeTruthy()
})

test.each<[object, RegExp]>([
  [{ rl: { watch: { action: 'shout' } } }, /"rl\.watch\.action" got "shout"/],
  [{ rl: { candidates: 0, watch: {} } }, /"rl\.watch" .*has no meaning when "candidates" is 0/],
  [{ rl: { watch: { ask: 'pairs', labeler: { model: 'default', score: 'rubric' } } } }, /"rl\.watch\.labeler\.score"/],
  [{ rl: { watch: { labeler: { model: 'default', principles: true } } } }, /"rl\.watch\.labeler\.principles"/],
  [
    { method: 'direct-rlaif', rl: { watch: {} } },
    /"rl\.watch\.labeler" .*is the labeler that the policy is trained on/,
  ],
  [
    { method: 'online-dpo', onlineDpo: { watch: { ask: 'pairs' } } },
    /"onlineDpo\.watch\.labeler" .*set "ask" to "scores"/,
  ],
  [{ method: 'sft', rl: { watch: {} } }, /"rl\.watch" .*has no meaning with method "sft"/],
  [{ method: 'online-dpo', rl: { watch: {} } }, /"rl\.watch" .*has no meaning with method "online-dpo"/],
  [{ onlineDpo: { watch: {} } }, /"onlineDpo\.watch" .*has no meaning with method "rlaif"/],
])('%j is refused by the name of its field', (given, message) => {
  expect(() => align(given)).toThrow(message)
})

test('another question, another labeler or a rubric is another judge', () => {
  for (const watch of [{ ask: 'pairs' }, { labeler: endpoint }, { labeler: { model: 'default', score: 'rubric' } }])
    expect(align({ method: 'direct-rlaif', rl: { watch } }).rl.watch).toMatchObject(watch)
})

test('arms of a comparison share a watch as far as they have the training it belongs to', () => {
  const base = { rl: { watch: { action: 'stop' } }, onlineDpo: { watch: {} } }
  const comparison = parse(workflowSchemas.compare, { arms: ['sft', 'rlaif', 'dpo', 'online-dpo'], base }, 'compare')
  const has = armsOf(comparison).map(({ name, input: { rl, onlineDpo } }) => [name, !!rl.watch, !!onlineDpo.watch])
  expect(has).toEqual([
    ['sft', false, false],
    ['rlaif', true, false],
    ['dpo', false, false],
    ['online-dpo', false, true],
  ])
})

test('names in it are mapped and looked up; the precision of the run holds for it', () => {
  const given = { task: 'helpful', rl: { watch: { labeler: { model: './judge', score: 'rubric' } } } }
  const mapped = mapNames('align', given, (_, name) => `/abs/${name}`)
  expect(mapped).toMatchObject({ rl: { watch: { labeler: { model: '/abs/./judge' } } } })
  expect(namesIn('align', align(given)).map(({ kind, name, field }) => `${kind} ${name} ${field}`)).toEqual(
    expect.arrayContaining(['model ./judge rl.watch.labeler.model', 'rubric helpful rl.watch.labeler.score']),
  )
  const override = { rl: { watch: { labeler: './judge' } } }
  expect(mapOverrides(override, (_, name) => `/abs/${name}`)).toEqual({ rl: { watch: { labeler: '/abs/./judge' } } })
  expect(withRunPrecision(align({ ...given, precision: 'bfloat16' })).rl.watch?.labeler).toMatchObject({
    precision: 'bfloat16',
  })
})

const artifact = { uri: 'file:///store/x', sha256: '0'.repeat(64), bytes: 1, summary: {} }
const ofStage = { policy: artifact, data: artifact, rewardModel: artifact }
const stageInput = (watch?: object) => parse(stageSchemas.rl, { ...ofStage, ...(watch && { watch }) }, 'rl')

test('a parked stage takes another action, another labeler, or no watch, in the words of the run', () => {
  const before = stageInput({ settings: endpoint, action: 'park' })
  const after = (watch: unknown) => overridden('rl', before, { rl: { watch } }).watch
  expect(after({ action: 'back' })).toEqual({ ...before.watch, action: 'back' })
  expect(after({ labeler: { model: 'other' } })).toMatchObject({
    settings: { ...endpoint, model: 'other' },
    action: 'park',
  })
  expect(after(null)).toBeUndefined()
  expect(overridden('rl', before, { rl: { klWeight: 0.5 } })).toMatchObject({ watch: before.watch })
  expect(overridden('rl', stageInput(), { rl: { watch: { labeler: 'default' } } }).watch).toMatchObject({
    settings: { model: 'default' },
    action: 'warn',
  })
})

test('what its alarm does leaves the work and its budget the same; a watch may ask again', () => {
  const workOf = (watch: object) => askerOf('rl', 1, stageInput(watch), 'run', false).work
  const watch = { settings: endpoint, action: 'park' }
  expect(workOf({ ...watch, action: 'back' })).toBe(workOf(watch))
  expect(workOf({ ...watch, ask: 'pairs' })).not.toBe(workOf(watch))
  expect(asksAgain(stageInput({ settings: { ...endpoint, answers: 'again' } }))).toBe(true)
})
