// What scripts use: JSON that its schema describes, alone on standard output, and exit codes; and what people read at the
// end of a run, in the list of runs and in its explanation. On a real server, with a tiny model in every role.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import {
  commandOutputs,
  type CommandWithOutput,
  type RunListOutput,
  type RunOutput,
} from '../../src/contracts/command-output'
import { EXIT_CODES } from '../../src/contracts/exit-codes'
import { rlaifProgram } from '../../src/cli/program'
import { scriptingPage } from '../../src/cli/scripting-page'
import { sinceTime } from '../../src/runs/run-list'
import { plainPrompts, writeContest } from '../contest-artifact'
import { preferShorter, startEndpoint } from '../feedback/endpoint'
import { openLocalStack, rlaif, type Ended, type LocalStack } from '../local-stack'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(240_000)

const model = writeTinyFolder()
const limits = { responseTokens: 6 }
const small = {
  model,
  labeler: { model },
  judge: { model },
  data: { limit: 10, evaluationPrompts: 4 },
  limits,
  sft: { batchSize: 4 },
  rl: { steps: 1, batchSize: 4, candidates: 0, minEntropy: 0 },
}

let stack: LocalStack
beforeAll(async () => {
  stack = await openLocalStack()
})
afterAll(() => stack.close())

/** What a command printed, checked by its schema. */
function checked<T>(command: CommandWithOutput, { out }: Ended): T {
  return commandOutputs[command].parse(JSON.parse(out)) as T
}
const start = (workflow: string, input: object, ...flags: string[]) =>
  stack.run('run', workflow, '--input', JSON.stringify(input), ...flags)

/** A run that has failed permanently and waits. */
const bare = join(temporaryFolder(), 'bare.jsonl')
writeFileSync(bare, '{"reference": "a row without a prompt"}')
const parked = (id: string, ...flags: string[]) => start('sft', { model, data: bare, limits }, '--id', id, ...flags)

test('docs/scripting.md is what the schemas give, with every exit code', () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'scripting.md'), 'utf8')
  expect(page).toBe(scriptingPage())
  for (const { code } of Object.values(EXIT_CODES)) expect(page).toMatch(new RegExp(`^\\| ${code} \\| `, 'm'))
  expect(page).not.toMatch(/\b(undefined|NaN)\b|\[object|\| {2}\|$/m)
})

/** Every command below a group, by its words. */
const commandsBelow = (group: Command, words: string[] = []): [string, Command][] =>
  group.commands.flatMap((command) => {
    const own = [...words, command.name()]
    return command.commands.length > 0 ? commandsBelow(command, own) : [[own.join(' '), command] as [string, Command]]
  })

test('every command with --json has a schema, and every schema is of one', () => {
  const withJson = commandsBelow(rlaifProgram())
    .filter(([, command]) => command.options.some(({ long }) => long === '--json'))
    .map(([words]) => words)
  const withSchema = Object.keys(commandOutputs).map((command) => command.replace(' --dry-run', ''))
  expect([...withJson].sort()).toEqual([...new Set(withSchema)].sort())
})

test('a run ends with the answer, then the files; with --json it is one object, and progress is elsewhere', async () => {
  const shown = await start('align', { ...small, method: 'direct-rlaif' }, '--id', 'aligned')
  expect(shown).toMatchObject({ code: 0, err: '' })
  expect(shown.out).toMatch(
    /The policy's win rate against the SFT model is .* of 4 prompts \(95 % interval .*\nReport {3}\//s,
  )
  const ended = await start('align', { ...small, method: 'direct-rlaif' }, '--json')
  const run = checked<RunOutput>('run', ended)
  expect(ended.code).toBe(0)
  expect(ended.err).toMatch(/Started .*\n.*↺ rl/s)
  expect(run).toMatchObject({
    ...{ workflow: 'align', state: 'completed' },
    answer: { figures: { contests: 4 }, rows: [] },
    stages: expect.arrayContaining([expect.objectContaining({ stage: 'rl', state: 'reused' })]) as never,
  })
  expect(existsSync(run.report!.path!)).toBe(true)

  const status = await stack.run('status', 'aligned')
  expect(status).toMatchObject({ code: 0, err: '' })
  expect(status.out).toMatch(/✓ rl .*win rate against the SFT model.*Report {3}\//s)
  expect(checked<RunOutput>('status', await stack.run('status', 'aligned', '--json')).answer).toEqual(run.answer)
  expect(checked('report', await stack.run('report', 'aligned', '--json'))).toMatchObject({ id: 'aligned' })

  const explained = await stack.run('explain', 'aligned')
  expect(explained).toMatchObject({ code: 0, err: '' })
  expect(explained.out).toMatch(
    /^What happened\n {2}aligned, a run of align, completed after .*RL by REINFORCE took 1 step:.*What it rests on\n {2}The data.*The judge is .*What to do next\n {2}`npm run rlaif -- report aligned --open`/s,
  )
  expect(checked('explain', await stack.run('explain', 'aligned', '--json'))).toMatchObject({ state: 'completed' })
})

test('a comparison and a label study end with their tables', async () => {
  const arms = ['sft', 'direct-rlaif']
  const compared = await start('compare', { arms, base: small, judge: { model } })
  expect(compared).toMatchObject({ code: 0, err: '' })
  expect(compared.out).toMatch(
    /\npolicy +against +wins +at equal length +p +prompts\nsft +direct-rlaif .* 4\n.*Report {3}\//s,
  )

  const data = join(temporaryFolder(), 'human.jsonl')
  const row = (i: number) =>
    JSON.stringify({ prompt: `Question ${i}?`, responses: ['good', 'bad answer'], preferred: 1 })
  writeFileSync(data, Array.from({ length: 12 }, (_, i) => row(i)).join('\n'))
  const endpoint = await startEndpoint(preferShorter)
  const variants = [{ name: 'plain' }, { name: 'detailed', technique: { preamble: 'detailed' } }]
  const labeler = { baseUrl: endpoint.baseUrl, model: 'judge' }
  const study = await start('labelStudy', { model, task: 'helpful', data, labeler, variants })
  const check = await stack.run('labeler', 'check', '--input', JSON.stringify({ task: 'helpful', labeler }), '--json')
  await endpoint.close()
  expect(checked('labeler check', check)).toMatchObject({ usable: true })
  expect(check.code).toBe(0)
  expect(study).toMatchObject({ code: 0, err: '' })
  expect(study.out).toMatch(
    /No variant is best: plain has .* on 100 % of 12 pairs.*detailed \(100 %\) lies.*\nvariant +agrees with people.*\nplain +100 % +\d+–100 .*Report/s,
  )
})

test('a sweep ends with its best setting; a parked trial is counted there, and listed with its reason', async () => {
  const input = {
    ...{ workflow: 'sft', base: { model, data: small.data, limits }, metric: 'sft.loss', higherIsBetter: false },
    axes: [{ field: 'sft.learningRate', values: [1e-4, 1e-3] }],
  }
  const swept = await stack.run('sweep', '--input', JSON.stringify(input), '--id', 'rates')
  expect(swept).toMatchObject({ code: 0, err: '' })
  const again = await stack.run('sweep', '--input', JSON.stringify(input), '--json')
  expect(checked<RunOutput>('sweep', again)).toMatchObject({ state: 'completed', answer: { rows: [{}, {}] } })
  expect(swept.out).toMatch(
    /\nNo setting is best beyond noise\. The lowest .* with sft\.learningRate .*\nsettings +loss +trials\nsft\.learningRate .*Report/s,
  )

  const stuck = {
    ...input,
    onFailure: 'wait',
    maxConcurrent: 2,
    axes: [{ field: 'data.path', values: ['world:summaries?rows=20&seed=1', bare] }],
  }
  await stack.run('sweep', '--input', JSON.stringify(stuck), '--id', 'stuck', '--detach')
  const list = async (...flags: string[]) =>
    checked<RunListOutput>('status', await stack.run('status', '--json', ...flags)).runs
  const stuckNow = async () => (await list()).find(({ id }) => id === 'stuck')
  while (!(await stuckNow())?.runs?.parked) await new Promise((done) => setTimeout(done, 500))
  expect((await list()).map(({ id }) => id)).not.toContain('rates/trial-0')
  expect((await list('--all')).map(({ id }) => id)).toContain('rates/trial-0')
  expect(await list('--parked', '--type', 'sft')).toEqual([
    expect.objectContaining({
      ...{ id: 'stuck/trial-1', startedBy: 'stuck', state: 'parked' },
      parked: [{ run: 'stuck/trial-1', stage: 'data', reason: expect.stringMatching(/bare\.jsonl/) as string }],
    }),
  ])
  expect((await stack.run('status', '--parked')).out).toMatch(
    /stuck\/trial-1 +sft +parked .*\n {4}⏸ data: .*bare\.jsonl/,
  )
  expect((await stack.run('status')).out).toMatch(/stuck +sweep +running .* parked/)
  while ((await stuckNow())?.runs?.running) await new Promise((done) => setTimeout(done, 500))
  const status = await stack.run('status', 'stuck')
  expect(status.out).toMatch(/stuck: sweep, parked.*runs it started: .*1 parked.*stuck\/trial-1 is parked;.*⏸ data/s)
  expect(status.code).toBe(3) // nothing but what is parked is left
  expect((await stack.run('explain', 'stuck')).out).toMatch(
    /`npm run rlaif -- explain stuck\/trial-1` says how to continue/,
  )
  await stack.client.workflow.getHandle('stuck').terminate('the test is over')
})

test('lists are filtered by workflow and time, and cut to a number', async () => {
  const list = async (...flags: string[]) =>
    checked<RunListOutput>('status', await stack.run('status', '--json', ...flags))
  const sweeps = await list('--type', 'sweep')
  expect(new Set(sweeps.runs.map(({ workflow }) => workflow))).toEqual(new Set(['sweep']))
  expect((await list('--since', '1h')).runs.length).toBe((await list()).runs.length)
  expect((await list('--since', '2100-01-01')).runs).toEqual([])
  expect(await list('--limit', '1')).toMatchObject({ runs: [expect.anything()], more: (await list()).runs.length - 1 })
  expect((await stack.run('status', '--since', '2100-01-01')).out).toMatch(/^no run since 2100-01-01/)
  expect(await stack.run('status', '--since', 'yesterdayish')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/--since got/) as string,
  })
  expect(await stack.run('status', '--type', 'swep')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/--type got "swep"; there are align/) as string,
  })
  expect(await stack.run('status', '--limit', 'all')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/--limit got "all"/) as string,
  })
  expect(Date.now() - sinceTime('90m').getTime()).toBeLessThan(5_460_000)
  expect(sinceTime('2026-11-20')).toEqual(new Date('2026-11-20'))
})

test('exit codes tell parked, failed and cancelled apart, of the run that is watched and of its status', async () => {
  const waiting = await parked('waiting', '--json')
  expect(waiting.code).toBe(3)
  expect(checked('run', waiting)).toMatchObject({ state: 'parked', parked: [{ run: 'waiting', stage: 'data' }] })
  expect(await parked('waiting')).toMatchObject({
    code: 3,
    err: expect.stringMatching(/make the run fail: +npm run rlaif -- resolve waiting abort/) as string,
  })
  expect(await stack.run('status', 'waiting')).toMatchObject({
    code: 3,
    out: expect.stringMatching(/sft, parked/) as string,
  })
  expect((await stack.run('explain', 'waiting')).out).toMatch(
    /is parked: it waits.*data has failed for good.*npm run rlaif -- resolve waiting retry/s,
  )

  const resolved = await stack.run('resolve', 'waiting', 'abort', '--json')
  expect(checked('resolve', resolved)).toMatchObject({ id: 'waiting' })
  await stack.client.workflow
    .getHandle('waiting')
    .result()
    .catch(() => undefined)
  const failed = await stack.run('status', 'waiting', '--json')
  expect(failed.code).toBe(1)
  expect(checked('status', failed)).toMatchObject({
    state: 'failed',
    failure: expect.stringMatching(/bare\.jsonl/) as string,
  })
  expect((await stack.run('report', 'waiting')).code).toBe(2)
  expect((await start('sft', { model, data: bare, limits, onFailure: 'fail' })).code).toBe(1)

  await parked('unwanted')
  const unwanted = stack.client.workflow.getHandle('unwanted')
  await unwanted.cancel()
  await unwanted.result().catch(() => undefined)
  expect(await stack.run('status', 'unwanted')).toMatchObject({
    code: 4,
    out: expect.stringMatching(/sft, cancelled/) as string,
  })
  expect((await stack.run('explain', 'unwanted')).out).toMatch(/was cancelled after.*start the run again/s)
  expect((await stack.run('report', 'unwanted')).code).toBe(2)
})

test('a human evaluation ends with what the raters prefer', async () => {
  const contest = await writeContest(stack.home, plainPrompts(4))
  const input = { contest: contest.uri, raters: ['anna'], ratingsPerPrompt: 1, checkEvery: 0 }
  const detached = await start('humanEvaluation', input, '--id', 'people', '--detach', '--json')
  expect(detached.code).toBe(0)
  expect(checked('run', detached)).toMatchObject({ id: 'people', state: 'running' })
  const file = join(temporaryFolder(), 'ratings.jsonl')
  const rating = (item: number) => JSON.stringify({ rater: 'anna', item, answer: [0, 1, 2], seconds: 3 })
  writeFileSync(file, Array.from({ length: 4 }, (_, item) => rating(item)).join('\n'))
  while ((await stack.run('ratings', 'import', 'people', file)).code !== 0)
    await new Promise((done) => setTimeout(done, 500))
  await stack.client.workflow.getHandle('people').result()
  const status = await stack.run('status', 'people')
  expect(status).toMatchObject({ code: 0, err: '' })
  expect(status.out).toMatch(/\npolicy +against +preferred +p +prompts +ratings\n/)
})

test('other commands print what their schemas say', async () => {
  expect(checked('doctor', await rlaif(stack.home, ['doctor', '--json']))).toMatchObject({ ok: true })
  const json = async (command: CommandWithOutput, ...args: string[]) =>
    checked(command, await stack.run(...args, '--json'))
  expect(await json('schedule list', 'schedule', 'list')).toEqual({ schedules: [] })
  const change = (change: string) => ({ schedules: [{ id: 'nightly-ablation', change }] })
  const apply = ['schedule', 'apply', 'schedules/nightly-ablation.json']
  expect(await json('schedule apply', ...apply, '--dry-run')).toEqual(change('created'))
  expect(await json('schedule apply', ...apply)).toEqual(change('created'))
  expect(await json('schedule apply', ...apply)).toEqual(change('unchanged'))
  expect(await json('schedule list', 'schedule', 'list')).toMatchObject({
    schedules: [{ id: 'nightly-ablation', workflow: 'sweep', state: 'active' }],
  })
  expect(await json('schedule describe', 'schedule', 'describe', 'nightly-ablation')).toMatchObject({
    ...{ started: 0, overlap: 'SKIP', running: [] },
    input: expect.objectContaining({ onFailure: 'fail' }) as object,
  })
  expect(await json('sweep --dry-run', 'sweep', '--preset', 'kl-weight', '--dry-run')).toMatchObject({
    workflow: 'align',
  })
  expect(await json('artifacts gc', 'artifacts', 'gc')).toMatchObject({ removed: false, artifacts: [] })
  expect(await json('artifacts pins', 'artifacts', 'pins')).toEqual({ pins: [] })
  const input = JSON.stringify({ model })
  const data = await stack.run('data', 'show', '--rows', '1', '--input', input, '--json')
  expect(checked('data show', data)).toMatchObject({ rows: [{ policyPromptTokens: expect.any(Number) as number }] })
  for (const command of Object.keys(commandOutputs)) {
    const schema = JSON.parse((await stack.run('schema', '--output', command)).out) as { title: string }
    expect(schema.title).toBe(`rlaif ${command} --json`)
  }
  expect(await stack.run('schema', '--output', 'worker')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/there are run, sweep/) as string,
  })
})
