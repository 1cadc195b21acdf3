// `rlaif push` against a stand-in for the Hub (test/hub-server.mjs): what is uploaded, what its card says, and what is
// not sent twice. That Python loads it: studies/hub.mjs.
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { openStore } from '../../src/artifacts/open-store'
import { keyOf } from '../../src/artifacts/store'
import { push, pushLines } from '../../src/cli/push'
import type { Artifact, Summary } from '../../src/contracts/artifact'
import { commandOutputs } from '../../src/contracts/command-output'
import { parquetLines } from '../../src/data/parquet'
import { temporaryFolder } from '../tiny-folder'

const environment = { ...process.env }
let hub: ChildProcess
let address: string
beforeAll(async () => {
  hub = spawn(process.execPath, [resolve(__dirname, '..', 'hub-server.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] })
  address = await new Promise((done) => hub.stdout!.once('data', (line) => done(String(line).trim())))
})
afterAll(() => hub.kill())
beforeEach(() => {
  Object.assign(process.env, {
    RLAIF_HOME: join(temporaryFolder(), 'home'),
    HF_ENDPOINT: address,
    HF_TOKEN: 'hf_write',
  })
})
afterEach(() => {
  process.env = { ...environment }
})

const asked = async (path: string, options: RequestInit = {}) =>
  fetch(`${address}${path}`, { headers: { authorization: 'Bearer hf_write' }, ...options })
const textAt = async (path: string) => (await asked(path)).text()
const tell = (path: string, body: object) => asked(path, { method: 'POST', body: JSON.stringify(body) })
/** Uploads of large files, and of their parts, since a number of requests. */
const uploads = async () =>
  ((await (await asked('/-/requests')).json()) as { method: string; path: string }[]).filter(
    ({ method, path }) => method === 'PUT' && path.startsWith('/-/lfs/'),
  ).length

async function rowsOf(file: string): Promise<unknown[]> {
  const handle = openSync(file, 'r')
  const chunks: Uint8Array[] = []
  for await (const chunk of parquetLines(handle, file)) chunks.push(chunk)
  closeSync(handle)
  const lines = Buffer.concat(chunks).toString('utf8').split('\n')
  return lines.filter(Boolean).map((line) => JSON.parse(line) as unknown)
}

/** A finished artifact in the store of this home. */
async function made(stage: string, input: object, files: Record<string, string | Buffer>, summary: Summary = {}) {
  const store = await openStore(process.env.RLAIF_HOME!)
  const key = keyOf(stage, 1, input)
  const work = await store.begin(stage, key)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(work.output, name)), { recursive: true })
    writeFileSync(join(work.output, name), content)
  }
  return store.commit(work, { stage, version: 1, key, seconds: 1, input, summary })
}

const WEIGHTS = Buffer.alloc(250_000, 'w') // three parts
const model = (spec: string) =>
  made(
    'model',
    { spec },
    { 'config.json': '{}', 'model.safetensors': WEIGHTS, 'tokenizer.json': '{}' },
    { model: spec, parameters: 62_500 },
  )

/** The artifacts of a run that ends in a reward model. */
async function stages(spec: string) {
  const base = await model(spec)
  const people = [{ id: 'a', messages: [], context: '', pairs: [{ responses: ['good', 'bad'], preferred: 1 }] }]
  const rows = people.map((row) => JSON.stringify({ ...row, messages: [{ role: 'user', content: 'Which?' }] }))
  const data = await made(
    'data',
    { model: base },
    { 'train.jsonl': rows.join('\n') },
    { source: 'rows.jsonl', train: 2, evaluation: 1 },
  )
  const labels = await made(
    'label',
    { data, samples: base },
    { 'labels.jsonl': LABELS },
    {
      labeler: 'qwen at 10.1.2.3:8000',
      labels: 3,
      cost: 1.25,
      promptTokens: 900,
      completionTokens: 100,
    },
  )
  const policy = await made(
    'rl',
    { policy: base, data, settings: { steps: 7, folder: '/home/somebody/secret/rows.jsonl' } },
    {
      'config.json': '{"a":1}',
      'model.safetensors': WEIGHTS,
      'tokenizer.json': '{}',
      'candidates.json': '{}',
      'metrics.jsonl': '{}',
    },
    { algorithm: 'rloo', steps: 7, reward: 'reward model', firstReward: 0.1, lastReward: 0.9, kl: 1.5 },
  )
  return { base, data, labels, policy }
}

const label = (id: string, first: string, second: string, preferFirst: number) =>
  JSON.stringify({
    id,
    messages: [{ role: 'user', content: 'Which?' }],
    first: { text: first },
    second: { text: second },
    preferFirst,
    slotOne: [0.4, 0.9],
    rationales: ['since'],
    labeler: 'qwen',
  })
const LABELS = [label('a', 'bad', 'good', 0.25), label('b', 'x', 'y', 0.75), label('c', 'x', 'y', 0.5)].join('\n')

test('a policy is listed, then uploaded with a card that says how it was made; the second time nothing is sent', async () => {
  await tell('/-/licence', { name: 'org/start', licence: 'mit' })
  const { policy } = await stages('hf:org/start@main')
  const listed = await push(policy.uri, 'hf:me/policy', {})
  expect(commandOutputs.push.parse(listed)).toMatchObject({
    state: 'listed',
    base: 'org/start',
    licence: 'mit',
    private: false,
  })
  expect(listed.files.map(({ path, state }) => `${path} ${state}`)).toEqual([
    'README.md new',
    'config.json new',
    'model.safetensors new',
    'tokenizer.json new',
  ])
  expect(pushLines(listed).join('\n')).toMatch(/4 files of .* to upload; --yes uploads them/)
  expect((await asked('/api/models/me/policy')).status).toBe(404)

  const pushed = await push(policy.uri, 'hf:me/policy', { yes: true, private: true })
  expect(pushed).toMatchObject({
    state: 'pushed',
    private: true,
    commit: expect.stringContaining('/me/policy/commit/') as string,
  })
  expect(Buffer.from(await (await asked('/me/policy/resolve/main/model.safetensors')).arrayBuffer())).toEqual(WEIGHTS)
  const card = await textAt('/me/policy/resolve/main/README.md')
  expect(card).toMatch(/^---\nlicense: "mit"\nlibrary_name: "transformers"[^]*\nbase_model: "org\/start"\n[^]*\n---\n/)
  expect(card).toMatch(/- RL by RLOO took 7 steps: the reward model went from 0.100 to 0.900/)
  expect(card).toMatch(/"steps": 7/)
  expect(card).not.toMatch(/somebody|\/home/)

  const before = await uploads()
  expect(await push(policy.uri, 'hf:me/policy', { yes: true })).toMatchObject({ state: 'unchanged', bytes: 0 })
  expect(await uploads()).toBe(before)
  expect(await (await asked('/-/commits/models/me/policy')).json()).toHaveLength(1)
  expect(
    existsSync(join(process.env.RLAIF_HOME!, 'push')) ? readdirSync(join(process.env.RLAIF_HOME!, 'push')) : [],
  ).toEqual([])
})

test('an upload that breaks off continues with what is missing, and nothing appears before all has arrived', async () => {
  const { policy } = await stages('default')
  await tell('/-/fault', { path: '/api/models/me/broken/commit', times: 1 })
  const before = await uploads()
  await expect(push(policy.uri, 'hf:me/broken', { yes: true })).rejects.toThrow(
    /cannot upload to me\/broken: the Hub is busy.*push again: files that have arrived are not sent again/,
  )
  expect((await asked('/me/broken/resolve/main/model.safetensors')).status).toBe(404)
  expect(await uploads()).toBeGreaterThanOrEqual(before)
  const sent = await uploads()
  expect(await push(policy.uri, 'hf:me/broken', { yes: true })).toMatchObject({ state: 'pushed' })
  expect(await uploads()).toBe(sent)
})

test('labels become a dataset: Parquet with the orders, rationales and the choice of people, and their agreement', async () => {
  const { labels } = await stages('default')
  const output = await push(labels.uri, 'hf:datasets/me/pairs', { yes: true, licence: 'cc-by-4.0' })
  expect(output).toMatchObject({ type: 'dataset', part: 'labels', licence: 'cc-by-4.0', state: 'pushed' })
  const file = join(temporaryFolder(), 'labels.parquet')
  const bytes = await (await asked('/datasets/me/pairs/resolve/main/data/train-00000-of-00001.parquet')).arrayBuffer()
  writeFileSync(file, Buffer.from(bytes))
  expect(await rowsOf(file)).toEqual([
    expect.objectContaining({ id: 'a', probability: 0.75, probability_by_order: [0.6, 0.9], people_chose: 'chosen' }),
    expect.objectContaining({ id: 'b', probability: 0.75, rationales: ['since'], people_chose: null }),
  ])
  const card = await textAt('/datasets/me/pairs/resolve/main/README.md')
  expect(card).toMatch(/2 rows; 1 label that preferred neither response is left out/)
  expect(card).toMatch(
    /prefer what people preferred in 100\s% of 1 pair that people compared \(95\s% interval 21\s% to 100\s%\)/,
  )
  expect(card).toMatch(/read and wrote 1,000 tokens, for 1\.25/)
  expect(card).not.toMatch(/10\.1\.2\.3/)
})

test('an adapter names the model that the Hub has, and is refused where none is known', async () => {
  const base = await model('/models/own')
  const adapter = (of: Artifact) =>
    made(
      'rl',
      { policy: of },
      {
        'adapter_config.json': '{"r":4,"base_model_name_or_path":"model/x"}',
        'adapter_model.safetensors': 'w',
        'base.json': JSON.stringify({ artifact: of.uri.split('/').slice(-2).join('/'), sha256: of.sha256 }),
      },
    )
  const own = await adapter(base)
  await expect(push(own.uri, 'hf:me/adapter', { what: 'adapter' })).rejects.toThrow(/name it with --base owner\/name/)
  await push(own.uri, 'hf:me/adapter', { what: 'adapter', base: 'me/own', yes: true })
  expect(await (await asked('/me/adapter/resolve/main/adapter_config.json')).json()).toEqual({
    r: 4,
    base_model_name_or_path: 'me/own',
  })
  expect(await textAt('/me/adapter/resolve/main/README.md')).toMatch(
    /base_model: "me\/own"\nbase_model_relation: "adapter"/,
  )
  const ofHub = await adapter(await model('hf:org/start'))
  expect(await push(ofHub.uri, 'hf:me/adapter2', { what: 'adapter' })).toMatchObject({ base: 'org/start' })
})

test('what does not go there is refused: another kind, a public repository in place of a private one, no token', async () => {
  const { policy, labels, data } = await stages('default')
  await expect(push(policy.uri, 'hf:datasets/me/x', {})).rejects.toThrow(/it is pushed as --what policy/)
  await expect(push(labels.uri, 'hf:me/x', {})).rejects.toThrow(
    /labels go to a dataset repository; name hf:datasets\/me\/x/,
  )
  await expect(push(data.uri, 'hf:me/x', {})).rejects.toThrow(/stage data; name a policy, a reward model or labels/)
  for (const name of ['me/x', 'hf:me', 'hf:me/../x', 'hf:a/b/c'])
    await expect(push(policy.uri, name, {})).rejects.toThrow(/not of the form hf:owner\/name/)
  await push(policy.uri, 'hf:me/public', { yes: true })
  await expect(push(policy.uri, 'hf:me/public', { private: true })).rejects.toThrow(/exists and is public/)
  delete process.env.HF_TOKEN
  await expect(push(policy.uri, 'hf:me/new', { yes: true })).rejects.toThrow(/HF_TOKEN is not set/)
  process.env.HF_TOKEN = 'hf_read'
  await expect(push(policy.uri, 'hf:me/new', { yes: true })).rejects.toThrow(/cannot upload to me\/new: Invalid token/)
})
