// Runs that a person looks after: parked ones are listed, resolved and kept from garbage collection; a stage is reset; and
// commands say what they cannot do to a run.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandOutputs, type RunOutput } from '../../src/contracts/command-output'
import type { RunStatus } from '../../src/contracts/status'
import { openLocalStack, pathIn, type LocalStack } from '../local-stack'
import { temporaryFolder, writeRowsWithoutPrompt, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const model = writeTinyFolder()
const small = {
  model,
  data: { limit: 10, evaluationPrompts: 4 },
  limits: { responseTokens: 6 },
  sft: { batchSize: 4 },
}

let stack: LocalStack
beforeAll(async () => {
  stack = await openLocalStack()
})
afterAll(() => stack.close())

test('a parked run is listed as parked, continued with overrides from the command line, and completes', async () => {
  const bare = writeRowsWithoutPrompt('bare.jsonl')
  const parked = await stack.run(
    'run',
    'sft',
    '--id',
    'parked-then-fixed',
    '--input',
    JSON.stringify({ model, data: bare, limits: small.limits, sft: small.sft }),
  )
  expect(parked.code).toBe(3)
  expect(parked.err).toMatch(
    /then-fixed: data is parked: [^]*bare\.jsonl line 1[^]*: +npm run rlaif -- resolve parked-then-fixed retry\n/,
  )
  expect((await stack.run('status')).out).toMatch(/parked-then-fixed +sft +parked/)
  expect((await stack.run('status', 'parked-then-fixed')).out).toMatch(/⏸ data /)
  expect(
    await stack.run('resolve', 'parked-then-fixed', 'retry', '--overrides', '{"data": {"limit": "ten"}}'),
  ).toMatchObject({
    code: 2,
    err: expect.stringMatching(/field "data\.limit" got "ten"/),
  })
  expect(await stack.run('resolve', 'parked-then-fixed', 'skip')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/stage data cannot be skipped/),
  })
  const data = join(temporaryFolder(), 'rows.jsonl')
  writeFileSync(
    data,
    Array.from({ length: 6 }, (_, i) => JSON.stringify({ prompt: `Post ${i}`, reference: 'Short.' })).join('\n'),
  )
  expect(
    await stack.run('resolve', 'parked-then-fixed', 'retry', '--overrides', JSON.stringify({ data: { path: data } })),
  ).toMatchObject({ code: 0, out: 'parked-then-fixed: data: retry\n' })
  await stack.client.workflow.getHandle('parked-then-fixed').result()
  expect((await stack.run('status')).out).toMatch(/parked-then-fixed +sft +completed/)
})

test('a comparison that waits for nothing but parked arms ends like a parked run, and names them', async () => {
  const bare = writeRowsWithoutPrompt('bare.jsonl')
  const arm = (name: string, more: object) => ({ name, input: { method: 'sft', ...more } })
  const input = { base: small, arms: [arm('fine', {}), arm('stuck', { data: bare })], judge: { model } }
  const compared = await stack.run('run', 'compare', '--id', 'halted', '--input', JSON.stringify(input))
  expect(compared.code).toBe(3)
  expect(compared.out).toMatch(
    /! halted\/stuck-1 is parked; `npm run rlaif -- status halted\/stuck-1` says how to go on/,
  )
  expect(compared.err).toMatch(
    /halted waits for runs that it has started, which are parked:\n {2}halted\/stuck-1 is parked; .*\n {4}⏸ data: .*bare\.jsonl/,
  )
  const status = await stack.run('status', 'halted', '--json')
  expect(status.code).toBe(3)
  const { state, parked, runs } = commandOutputs.status.parse(JSON.parse(status.out)) as RunOutput
  expect({ state, parked, runs }).toEqual({
    state: 'parked',
    parked: [{ run: 'halted/stuck-1', stage: 'data', reason: expect.stringMatching(/bare\.jsonl/) as string }],
    runs: { completed: 1, parked: 1 },
  })
  expect((await stack.run('explain', 'halted')).out).toMatch(
    /`npm run rlaif -- explain halted\/stuck-1` says how to continue/,
  )
  expect(await stack.run('resolve', 'halted', 'retry')).toMatchObject({
    code: 2,
    err: expect.stringMatching(
      /Parked are the runs that it started: halted\/stuck-1 \(data\); resolve those/,
    ) as string,
  })
  expect((await stack.run('resolve', 'halted/stuck-1', 'abort')).code).toBe(0)
  await expect(stack.client.workflow.getHandle('halted').result()).rejects.toThrow()
  expect((await stack.run('status', 'halted')).code).toBe(1)
})

test('what only a parked run uses is not garbage; a result is kept by a pin', async () => {
  const own = writeTinyFolder(join(temporaryFolder(), 'own'))
  writeFileSync(join(own, 'generation_config.json'), '{"note": "makes it another model"}')
  const bare = writeRowsWithoutPrompt('bare.jsonl')
  const sft = { model: own, data: bare, limits: small.limits, sft: small.sft }
  await stack.run('run', 'sft', '--id', 'parked-with-its-model', '--input', JSON.stringify(sft))
  const listed = async (...flags: string[]) =>
    (await stack.run('artifacts', 'gc', '--older-than', '0', ...flags)).out.split('\n')
  const models = (lines: string[]) =>
    lines.filter((line) => /no report needs it/.test(line) && /store\/model\//.test(line))
  const unused = models(await listed('--no-runs'))
    .map((line) => line.trim().split(/\s+/)[2]!)
    .find((folder) => readFileSync(join(folder, 'manifest.json'), 'utf8').includes(own))
  expect(unused).toBeDefined()
  const asked = (await listed()).join()
  expect(asked).not.toContain(unused)
  expect(asked).toMatch(/what \d+ open runs? uses?/)
  await stack.run('resolve', 'parked-with-its-model', 'abort')
  expect((await listed()).join()).toContain(unused)
  expect((await stack.run('artifacts', 'pin', `file://${unused}`)).out).toMatch(/^pinned: /)
  expect((await stack.run('artifacts', 'pins')).out.trim()).toBe(unused)
  expect((await listed()).join()).not.toContain(unused)
  const curves = join(stack.home, 'curves', 'long-over')
  mkdirSync(join(curves, 'sft-0'), { recursive: true })
  const lines = await listed('--no-runs')
  expect(lines.filter((line) => line.includes(`${curves}  curves as they were drawn`))).toHaveLength(1)
  expect((await stack.run('artifacts', 'gc', '--keep-last', '7')).err).toMatch(/--keep-last and --of go together/)
})

test('Reset computes a stage again although the store has it, and status tells how long each stage took', async () => {
  const fields = { model, data: small.data, limits: small.limits, sft: small.sft, seed: 77 }
  const run = await stack.run('run', 'sft', '--id', 'reset-me', '--input', JSON.stringify(fields))
  expect(run).toMatchObject({ code: 0, err: '' })
  const before = stack.client.workflow.getHandle('reset-me')
  const secondsOf = async (handle: typeof before) =>
    Object.fromEntries(
      (await handle.query<RunStatus>('status')).stages.map(({ stage, seconds }) => [stage, seconds!] as const),
    )
  const took = await secondsOf(before)
  const created = async () =>
    (JSON.parse(readFileSync(join(pathIn(run.out, 'Artifact'), 'manifest.json'), 'utf8')) as { created: string })
      .created
  const first = await created()
  await new Promise((done) => setTimeout(done, 6000))
  const { memo, runId } = await before.describe()
  await stack.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: 'reset-me', runId },
    workflowTaskFinishEventId: (memo as { resetPoints: Record<string, number> }).resetPoints.sft as never,
    reason: 'once more',
    requestId: 'once-more',
  })
  const again = stack.client.workflow.getHandle('reset-me')
  await again.result()
  expect(await created()).not.toBe(first)
  const { out } = await stack.run('status', 'reset-me')
  expect(out).toMatch(/✓ data [^]*✓ sft /)
  expect(out).not.toMatch(/↺ sft/)
  const tookAgain = await secondsOf(again)
  for (const stage of ['data', 'sft']) expect(Math.abs(tookAgain[stage]! - took[stage]!)).toBeLessThan(5)
  const [, whole] = /reset-me +sft +completed +\S+ \S+ +(.*)/.exec((await stack.run('status')).out)!
  expect(whole).toMatch(/^[\d.]+ s$/)
})

test('a command that is about another kind of run, or about one that has ended, says so and what to do', async () => {
  await stack.client.workflow.start('sft', {
    taskQueue: 'nobody-polls-it',
    workflowId: 'an-sft',
    args: [],
  })
  const refused = async (...args: string[]) => {
    const { code, err } = await stack.run(...args)
    expect(code).toBe(2)
    return err
  }
  for (const args of [['rate'], ['ratings', 'export'], ['ratings', 'config']])
    expect(await refused(...args, 'an-sft')).toMatch(
      /"an-sft" is a run of sft; this command is for runs of humanEvaluation\. `npm run rlaif -- status` lists/,
    )
  for (const args of [
    ['rate', 'nobody'],
    ['resolve', 'nobody', 'retry'],
    ['ratings', 'import', 'nobody', 'x.jsonl'],
  ])
    expect(await refused(...args)).toMatch(/there is no run "nobody"; `npm run rlaif -- status` lists the runs/)
  await stack.client.workflow.getHandle('an-sft').terminate()
  expect(await refused('resolve', 'an-sft', 'retry')).toMatch(
    /^rlaif: resolve: "an-sft" has ended \(terminated\); start a run with the same input again: it takes what is/,
  )
  expect(await refused('report', 'an-sft')).toMatch(
    /^rlaif: report: "an-sft" has ended \(terminated\); it has no report; `npm run rlaif -- status an-sft` says why/,
  )
  await stack.client.workflow.start('humanEvaluation', {
    taskQueue: 'nobody-polls-it',
    workflowId: 'ended-people',
    args: [],
  })
  await stack.client.workflow.getHandle('ended-people').terminate()
  expect(await refused('rate', 'ended-people')).toMatch(
    /has ended \(terminated\); `npm run rlaif -- report ended-people`/,
  )
})
