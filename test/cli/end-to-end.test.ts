// Whole runs, from the command to the report, on a real Temporal server, with a tiny model in every role.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { shellWords } from '../../src/cli/shell-words'
import { commandOutputs } from '../../src/contracts/command-output'
import { readJsonl } from '../../src/json-lines'
import { preferShorter, refusesKey, startEndpoint, type Endpoint } from '../feedback/endpoint'
import { openLocalStack, pathIn, rlaif, type LocalStack } from '../local-stack'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const model = writeTinyFolder()
const small = {
  model,
  labeler: { model },
  judge: { model },
  data: { limit: 10, evaluationPrompts: 4 },
  limits: { responseTokens: 6 },
  sft: { batchSize: 4 },
  rewardModel: { epochs: 1, batchSize: 4 },
  dpo: { batchSize: 4, microBatchSize: 2, heldOutShare: 0.5, validateEvery: 1 },
  onlineDpo: { steps: 3, batchSize: 2, checkpointEvery: 1, validateEvery: 2, minEntropy: 0 },
  rl: { steps: 3, batchSize: 4, checkpointEvery: 1, validateEvery: 2, minEntropy: 0 },
}
const input = (more: object = {}) => JSON.stringify({ ...small, ...more })

let stack: LocalStack
beforeAll(async () => {
  stack = await openLocalStack()
})
afterAll(() => stack.close())

/** Rows with pairs that people decided, all but the first. */
const peoplesRows = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      prompt: `Question ${i}?`,
      reference: `Answer ${i}.`,
      responses: [`good ${i}`, `bad ${i}`],
      preferred: i === 0 ? 0 : 1,
    }),
  ).join('\n')

test('align passes every stage and makes a report and a policy; a second run reuses every stage', async () => {
  const first = await stack.run('run', 'align', '--input', input())
  expect(first).toMatchObject({ code: 0, err: '' })
  for (const stage of ['model', 'data', 'sft', 'sample', 'label', 'reward-model', 'rl', 'choose', 'evaluate', 'report'])
    expect(first.out).toMatch(new RegExp(`✓ ${stage} `))
  expect(readFileSync(pathIn(first.out, 'Report'), 'utf8')).toMatch(/win rate against the baseline/)
  expect(readdirSync(pathIn(first.out, 'Policy'))).toEqual(
    expect.arrayContaining([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
      'manifest.json',
    ]),
  )

  const second = await stack.run('run', 'align', '--input', input())
  expect(second).toMatchObject({ code: 0, err: '' })
  expect(second.out).not.toMatch(/✓/)
  expect(second.out.match(/↺/g)).toHaveLength(10)
  expect(pathIn(second.out, 'Policy')).toBe(pathIn(first.out, 'Policy'))

  const id = /Started +(\S+)/.exec(first.out)![1]!
  expect((await stack.run('report', id)).out.trim()).toBe(pathIn(first.out, 'Report'))
  expect((await stack.run('status')).out).toMatch(new RegExp(`${id} +align +completed`))
  expect((await stack.run('status', id)).out).toMatch(/✓ rl /)
})

test('sft and direct-rlaif run; dialogue data without references starts from the model itself', async () => {
  const sft = await stack.run('run', 'align', '--input', input({ method: 'sft' }))
  expect(sft).toMatchObject({ code: 0, err: '' })
  expect(sft.out).not.toMatch(/reward-model|sample/)
  const direct = await stack.run(
    'run',
    'align',
    '--input',
    input({
      method: 'direct-rlaif',
      task: 'harmless',
      rl: { ...small.rl, optimizer: 'adamw', maxGradientNorm: 1, recompute: true, lora: { rank: 2 } },
    }),
  )
  expect(direct).toMatchObject({ code: 0, err: '' })
  expect(direct.out).toMatch(/– sft +the data has no reference responses/)
  expect(existsSync(join(pathIn(direct.out, 'Policy'), 'model.safetensors'))).toBe(false)
  const exported = join(temporaryFolder(), 'whole')
  const id = /Started +(\S+)/.exec(direct.out)![1]!
  expect(await stack.run('model', 'export', id, exported)).toMatchObject({ code: 0, out: `${exported}\n` })
  const half = join(temporaryFolder(), 'half')
  expect(await stack.run('model', 'export', id, half, '--dtype', 'bfloat16')).toMatchObject({ code: 0 })
  const size = (folder: string) => statSync(join(folder, 'model.safetensors')).size
  expect(size(half) / size(exported)).toBeCloseTo(0.5, 2)
  expect(await stack.run('model', 'import', half)).toMatchObject({ code: 0 })
  expect((await stack.run('model', 'export', id, half)).err).toMatch(/already exists; name a new folder/)
})

test('rlhf learns from human preferences, rlhf+rlaif from both kinds; the policy can be the labeler', async () => {
  const data = join(temporaryFolder(), 'human.jsonl')
  writeFileSync(data, peoplesRows(14))
  const dialogue = { task: 'helpful', data: { path: data, evaluationPrompts: 4 } }
  const human = await stack.run(
    'run',
    'align',
    '--input',
    input({ ...dialogue, method: 'rlhf', rl: { ...small.rl, algorithm: 'rloo', groupSize: 2, candidates: 0 } }),
  )
  expect(human).toMatchObject({ code: 0, err: '' })
  expect(human.out).toMatch(/✓ human-labels/)
  expect(human.out).not.toMatch(/✓ (sample|label) /)
  expect(human.out).toMatch(/– choose +there are no candidates/)
  const page = readFileSync(pathIn(human.out, 'Report'), 'utf8')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
  expect(page).toMatch(/labeler people labels (9|10) ties [01]/)

  const run = /Started +(\S+)/.exec(human.out)![1]!
  const preferences = join(temporaryFolder(), 'preferences.jsonl')
  const exported = await stack.run('export', 'labels', run, preferences, '--format', 'trl', '--json')
  const { labels } = commandOutputs['export labels'].parse(JSON.parse(exported.out))
  const rows = readJsonl(preferences, z.strictObject({ prompt: z.any(), chosen: z.any(), rejected: z.any() }))
  expect(rows).toHaveLength(labels)
  expect(rows[0]).toMatchObject({
    prompt: [{ role: 'user', content: expect.stringMatching(/^Question \d+\?$/) as string }],
    chosen: [{ role: 'assistant', content: expect.stringMatching(/^good/) as string }],
    rejected: [{ role: 'assistant', content: expect.stringMatching(/^bad/) as string }],
  })
  expect(await stack.run('export', 'labels', run, preferences)).toMatchObject({
    code: 2,
    err: expect.stringMatching(/already exists; name a new file/) as string,
  })

  const both = await stack.run(
    'run',
    'align',
    '--input',
    input({
      ...dialogue,
      method: 'rlhf+rlaif',
      labeler: 'policy',
      rewardModel: { ...small.rewardModel, init: 'model', heldOutShare: 0.5 },
    }),
  )
  expect(both).toMatchObject({ code: 0, err: '' })
  for (const stage of ['human-labels', 'label', 'reward-model', 'choose'])
    expect(both.out).toMatch(new RegExp(`[✓↺] ${stage} `))
  expect(readFileSync(pathIn(both.out, 'Report'), 'utf8')).toMatch(
    /The steps with the highest validation reward \(before training it was [^)]+\)/,
  )
})

test('dpo learns from labels of the labeler, of people or of both, without a reward model', async () => {
  const ai = await stack.run('run', 'align', '--input', input({ method: 'dpo' }))
  expect(ai).toMatchObject({ code: 0, err: '' })
  for (const stage of ['sample', 'label', 'dpo', 'evaluate']) expect(ai.out).toMatch(new RegExp(`[✓↺] ${stage} `))
  expect(ai.out).not.toMatch(/human-labels|reward-model| rl | choose /)
  const page = readFileSync(pathIn(ai.out, 'Report'), 'utf8')
  for (const shown of ['Direct preference optimization', 'DPO: loss', 'DPO: implicit rewards', 'Before and after'])
    expect(page).toContain(shown)
  const id = /Started +(\S+)/.exec(ai.out)![1]!
  expect((await stack.run('explain', id)).out).toMatch(/DPO took 1 steps? on \d+ labels/)

  const data = join(temporaryFolder(), 'people.jsonl')
  writeFileSync(data, peoplesRows(14))
  const dialogue = { task: 'helpful', data: { path: data, evaluationPrompts: 4 }, method: 'dpo' }
  const human = await stack.run(
    'run',
    'align',
    '--input',
    input({ ...dialogue, dpo: { ...small.dpo, labels: 'human' } }),
  )
  expect(human).toMatchObject({ code: 0, err: '' })
  expect(human.out).not.toMatch(/ (sample|label) /)
  const both = await stack.run('run', 'align', '--input', input({ ...dialogue, dpo: { ...small.dpo, labels: 'both' } }))
  expect(both).toMatchObject({ code: 0, err: '' })
  for (const stage of ['human-labels', 'label', 'dpo']) expect(both.out).toMatch(new RegExp(`[✓↺] ${stage} `))
})

test('online-dpo has the pairs that it samples labelled at once, and a judge chooses among its checkpoints', async () => {
  const ran = await stack.run('run', 'align', '--input', input({ method: 'online-dpo' }))
  expect(ran).toMatchObject({ code: 0, err: '' })
  for (const stage of ['online-dpo', 'choose', 'evaluate']) expect(ran.out).toMatch(new RegExp(`[✓↺] ${stage} `))
  expect(ran.out).not.toMatch(/ (sample|label|reward-model|rl) /)
  const page = readFileSync(pathIn(ran.out, 'Report'), 'utf8')
  expect(page).toContain('Online direct preference optimization')
  expect(page).toContain('6 pairs were sampled from the policy as it was at each step')
})

test('each stage runs alone, on artifacts given by URI', async () => {
  const stage = async (workflow: string, fields: object) => {
    const ended = await stack.run('run', workflow, '--input', JSON.stringify(fields))
    expect(ended).toMatchObject({ code: 0, err: '' })
    return `file://${pathIn(ended.out, 'Artifact')}`
  }
  const { data, limits, labeler } = small
  const policy = await stage('sft', { model, data, limits, sft: small.sft })
  const samples = await stage('sample', { policy, data, limits })
  const labels = await stage('label', { samples, model, data, limits, labeler })
  const rewardModel = await stage('rewardModel', { policy, labels, rewardModel: small.rewardModel })
  const trained = await stage('rl', { policy, rewardModel, data, limits, rl: small.rl })
  const direct = await stage('dpo', { policy, labels, dpo: small.dpo })
  const online = await stage('onlineDpo', { policy, data, limits, labeler, onlineDpo: small.onlineDpo })
  const evaluation = await stage('evaluate', { baseline: policy, policy: trained, data, limits, judge: labeler })
  await stage('report', { artifacts: [policy, samples, labels, rewardModel, direct, online, trained, evaluation] })
})

test('a run started like from the UI, with one JSON payload and no other settings, completes', async () => {
  const result = (await stack.client.workflow.execute('align', {
    taskQueue: 'rlaif',
    workflowId: 'from-the-ui',
    args: [JSON.parse(input())],
  })) as { report: { uri: string } }
  expect(existsSync(new URL(`${result.report.uri}/report.html`))).toBe(true)
})

test('labels come from an endpoint if the labeler is one', async () => {
  const endpoint = await startEndpoint(preferShorter)
  const labeler = { baseUrl: endpoint.baseUrl, model: 'judge' }
  const ended = await stack.run(
    'run',
    'align',
    '--input',
    input({ labeler, judge: labeler, rl: { ...small.rl, steps: 1 } }),
  )
  await endpoint.close()
  expect(ended).toMatchObject({ code: 0, err: '' })
  expect(endpoint.prompts.filter((prompt) => prompt.endsWith('Preferred Summary=')).length).toBeGreaterThanOrEqual(12)
})

test('after kill -9 of the worker during labelling, no more calls are repeated than were in flight', async () => {
  const endpoint = await startEndpoint(preferShorter, undefined, 100)
  const concurrency = 4
  const labeler = { baseUrl: endpoint.baseUrl, model: 'slow', concurrency }
  const handle = await stack.client.workflow.start('align', {
    taskQueue: 'rlaif',
    workflowId: 'label-killed',
    args: [
      JSON.parse(input({ seed: 9, data: { limit: 60, evaluationPrompts: 4 }, labeler, rl: { ...small.rl, steps: 1 } })),
    ],
  })
  while (endpoint.prompts.length < 40) await new Promise((done) => setTimeout(done, 20))
  stack.up.kill('SIGKILL')
  await new Promise((done) => stack.up.once('close', done))
  await stack.upAgain()
  const { stages } = (await handle.result()) as { stages: Record<string, { summary: Record<string, number> }> }
  await endpoint.close()
  expect(stages.label!.summary).toMatchObject({ labels: 56, failed: 0 })
  expect(new Set(endpoint.prompts).size).toBe(112)
  expect(endpoint.prompts.length - 112).toBeLessThanOrEqual(concurrency)
})

test('a label study asks every variant about the same pairs and reports a table; repeated, it asks nothing', async () => {
  const data = join(temporaryFolder(), 'human.jsonl')
  writeFileSync(
    data,
    Array.from({ length: 12 }, (_, i) =>
      JSON.stringify({ prompt: `Question ${i}?`, responses: ['good answer', 'bad answer'], preferred: 1 }),
    ).join('\n'),
  )
  const rule = (prompt: string) =>
    prompt.endsWith('=')
      ? /1 - good/.test(prompt)
        ? { '1': 0.8, '2': 0.2 }
        : { '1': 0.4, '2': 0.6 }
      : 'The good one is better.'
  const endpoint = await startEndpoint(rule)
  const study = JSON.stringify({
    model,
    task: 'helpful',
    data,
    labeler: { baseUrl: endpoint.baseUrl, model: 'judge', price: { inputPerMillion: 10, outputPerMillion: 30 } },
  })
  const { code, out, err } = await stack.run('run', 'labelStudy', '--input', study)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/✓ judge: Detailed \+ CoT 2-shot/)
  const report = pathIn(out, 'Report')
  expect(readFileSync(report, 'utf8')).toMatch(/on 100\u00a0% of 12 pairs/)
  const csv = readFileSync(report.replace('report.html', 'study.csv'), 'utf8').trim().split('\n')
  expect(csv).toHaveLength(12)
  expect(csv[1]).toMatch(/^"Base 0-shot","judge at .*",1,0\.7\d+,1,12,67\.8,/)
  const asked = endpoint.prompts.length
  expect(
    (await stack.run('run', 'labelStudy', '--input', study.replace('"helpful"', '"helpful","cache":"refresh"'))).code,
  ).toBe(0)
  expect(endpoint.prompts).toHaveLength(asked)
  await endpoint.close()
})

test('prompt show prints what would be sent and its length', async () => {
  const labeler = { baseUrl: 'http://127.0.0.1:9/v1', model: 'judge', preamble: 'detailed', exemplars: 1 }
  const { out, err } = await stack.run('prompt', 'show', '--input', JSON.stringify({ labeler }), '--row', '2')
  expect(err).toBe('')
  expect(out).toMatch(
    /^POST http:\/\/127\.0\.0\.1:9\/v1\/chat\/completions\n\{.*"model": "judge".*>>>>>>>> Example >>>>>>>>.*"top_logprobs": 20.*-- row 2, id \w+: \d+ tokens/s,
  )
})

describe('bad input is reported at once by one message that names it', () => {
  const folder = temporaryFolder()
  let refusing: Endpoint
  beforeAll(async () => {
    refusing = await startEndpoint(preferShorter, refusesKey)
  })
  afterAll(() => refusing.close())
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  test.each<[string, () => object, RegExp]>([
    ['an empty file', () => ({ data: write('empty.jsonl', '') }), /empty\.jsonl holds no rows/],
    ['a row without a prompt', () => ({ data: write('bare.jsonl', '{"reference": "x"}') }), /bare\.jsonl line 1/],
    [
      'a refused key',
      () => ({ labeler: { baseUrl: refusing.baseUrl, model: 'm' } }),
      /HTTP 401 bad key; check labeler\.baseUrl, labeler\.model/,
    ],
  ])('%s parks the run with the reason', async (_, fields, message) => {
    const { code, err } = await stack.run('run', 'align', '--input', input(fields()))
    expect(err).toMatch(message)
    expect(code).toBe(3)
  })

  test('wrong fields are refused before a run is started, and by the workflow itself', async () => {
    const { code, err } = await stack.run('run', 'align', '--input', '{"metod": "rlaif", "rl": {"steps": "ten"}}')
    expect(code).toBe(2)
    expect(err).toMatch(/unknown field "metod"/)
    expect(err).toMatch(/field "rl\.steps" got "ten"/)
    const fromTheUi = stack.client.workflow.execute('align', {
      taskQueue: 'rlaif',
      workflowId: 'bad',
      args: [{ metod: 'rlaif' }],
    })
    await expect(fromTheUi).rejects.toMatchObject({
      cause: { type: 'InvalidInput', nonRetryable: true, message: expect.stringMatching(/unknown field "metod"/) },
    })
  })

  test.each<[string[], RegExp]>([
    [['run', 'algin'], /no workflow "algin"; there are align, sft/],
    [['run', 'align', '--input', '{"a":'], /--input is not JSON/],
    [['run', 'align', '--input', 'nowhere.json'], /neither JSON that starts with "\{" nor an existing file/],
    [['status', 'nobody'], /no run "nobody"/],
    [['report', 'nobody'], /no run "nobody"/],
    [['model', 'import', '/nowhere'], /\/nowhere does not exist/],
    [['worker', '--roles', 'gpu,cpu'], /--roles got "cpu"; there are workflow, label, gpu/],
  ])('rlaif %j', async (args, message) => {
    const { code, err } = await stack.run(...args)
    expect(err).toMatch(message)
    expect(code).toBe(2)
  })
})

test('what rlaif init makes runs by the command that it prints, with the default model', async () => {
  const folder = join(temporaryFolder(), 'support answers')
  const { code, out } = await rlaif(stack.home, ['init', folder])
  expect(code).toBe(0)
  const words = shellWords(/run align --input .*$/m.exec(out)![0])
  const ended = await stack.run(...words)
  expect(ended).toMatchObject({ code: 0, err: '' })
  expect(readFileSync(pathIn(ended.out, 'Report'), 'utf8')).toContain('support-answers')
  expect((await rlaif(stack.home, ['init', folder])).err).toMatch(/already exists; name a new folder/)
}, 600_000)

test('a program starts a run as docs/api.md says', async () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'api.md'), 'utf8')
  const [code] = [...page.matchAll(/^```js\n(.*?)^```/gms)]
    .map(([, block]) => block!)
    .filter((block) => /7233/.test(block))
  const { address } = JSON.parse(readFileSync(join(stack.home, 'server.json'), 'utf8')) as { address: string }
  const own = temporaryFolder()
  mkdirSync(join(own, 'node_modules'))
  symlinkSync(join(__dirname, '..', '..'), join(own, 'node_modules', 'rlaif'))
  symlinkSync(join(__dirname, '..', '..', 'node_modules', '@temporalio'), join(own, 'node_modules', '@temporalio'))
  writeFileSync(
    join(own, 'block.mjs'),
    code!.replace('127.0.0.1:7233', address).replace("{ method: 'direct-rlaif' }", input({ method: 'sft' })),
  )
  const { stdout } = await promisify(execFile)(process.execPath, ['block.mjs'], { cwd: own })
  expect(stdout).toMatch(/report: \{\s+uri: 'file:/)
})

test('without a server, the command says how to start one', async () => {
  const { code, err } = await rlaif(temporaryFolder(), ['status'], { TEMPORAL_ADDRESS: '127.0.0.1:9' })
  expect(code).toBe(5)
  expect(err).toMatch(/no Temporal server answers at 127\.0\.0\.1:9.*`npm run rlaif -- up`/)
})

test('doctor says what is installed and which device it computes on', async () => {
  const { code, out } = await rlaif(stack.home, ['doctor'])
  expect(out).toMatch(/✓ device +(cpu|gpu) .*TensorFlow 2\./)
  expect(out).toMatch(/✓ precision +matrix products in bfloat16 are \d+\.\d times as fast as in float32/)
  expect(out).toMatch(/✓ native part +a block of a model in bfloat16 runs as one call/)
  expect(out).toMatch(/✓ temporal +temporal version/)
  expect(out).toMatch(/✓ default model +SmolLM2-135M-Instruct/)
  expect(code).toBe(0)
})
