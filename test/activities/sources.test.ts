// What stages read from outside the store counts by content: an edited file, task, model or annotator, or a moved branch,
// is read again; the same content under another name or with another time is not.
import { cpSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { computeInChild, type Job } from '../../src/activities/child'
import { executeStage } from '../../src/activities/execute-stage'
import { readSources } from '../../src/activities/sources'
import { loadStage } from '../../src/activities/registry'
import type { StageHost } from '../../src/activities/stage'
import { fileStore, readManifest } from '../../src/artifacts/file-store'
import { keyOf } from '../../src/artifacts/store'
import type { StageName, StageResult } from '../../src/contracts/stages'
import { downloadModel } from '../../src/hub/models'
import { currentDigest } from '../../src/kept-digest'
import { MODEL_FILE } from '../../src/model/folder'
import { worldAnnotators, worldModels } from '../../src/world/named'
import { repository, sendJson, sendRange, standInForTheHub } from '../hub'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.mock('../../src/activities/child')

const home = temporaryFolder()
const store = fileStore(join(home, 'store'))
/** What happens between the look for finished work and the reading. */
let meanwhile: () => void
/** The stage in this process, as the child would run it. */
jest.mocked(computeInChild).mockImplementation(async (_, { stage, input, sources, output, checkpoints }: Job) => {
  meanwhile()
  const host = {
    open: async (artifact) => (await store.open(artifact)).folder,
    sources,
    output,
    checkpoints,
    report: () => {},
  } as Partial<StageHost> as StageHost
  return { summary: await (await loadStage(stage, input as object)).run(input as never, host), spent: undefined }
})

/** Runs a stage as its activity, in a run of its own. */
const run = (stage: StageName, input: object): Promise<StageResult> =>
  new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR') }).run(() =>
    executeStage({ store, home, childProgram: '' }, stage, input),
  ) as never
const manifestOf = ({ uri }: StageResult) => readManifest(uri.slice('file://'.length))
const withoutReused = ({ uri, sha256, bytes, summary }: StageResult) => ({ uri, sha256, bytes, summary })

let hub: (request: IncomingMessage, response: ServerResponse) => unknown
standInForTheHub((request, response) => hub(request, response))

let tiny: string
let model: object
beforeAll(() => (tiny = writeTinyFolder()))
beforeEach(async () => {
  hub = (_, response) => response.writeHead(500).end()
  meanwhile = () => {}
  model = withoutReused(await run('model', { spec: tiny }))
})

const rows = (word: string) =>
  Array.from({ length: 6 }, (_, i) => `${JSON.stringify({ id: `${i}`, prompt: `${word} ${i}?` })}\n`).join('')
const data = (more: object) => run('data', { task: 'helpful', model, limits: {}, ...more })
/** A file of its own for each test. */
const file = (content: string, name = 'rows.jsonl') => {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}
const trained = ({ uri }: StageResult) => readFileSync(join(uri.slice('file://'.length), 'train.jsonl'), 'utf8')

test('an edited data file is read again; a copy of it under another name, with another time, is not', async () => {
  const path = file(rows('First'))
  const first = await data({ data: path })
  expect(first.reused).toBe(false)
  expect((await data({ data: path })).reused).toBe(true)
  const { size, mtime } = statSync(path)
  writeFileSync(path, rows('Other'))
  utimesSync(path, mtime, mtime)
  expect(statSync(path).size).toBe(size)
  const other = await data({ data: path })
  expect(other.reused).toBe(false)
  expect(trained(other)).toContain('Other')
  const copy = await data({ data: file(rows('First'), 'copy.jsonl') })
  expect(copy).toMatchObject({ reused: true, uri: first.uri })
  expect(manifestOf(first).sources).toEqual({
    task: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    data: `sha256:${await currentDigest(file(rows('First')))}`,
  })
})

test('each file of a task counts, of its own prompts too; a copy of the folder does not', async () => {
  const task = join(temporaryFolder(), 'task')
  cpSync(join(__dirname, '..', '..', 'tasks', 'harmless'), task, { recursive: true })
  const shipped = await data({ task: 'harmless' })
  expect(await data({ task })).toMatchObject({ reused: true, uri: shipped.uri })
  const given = { path: file(rows('First')) }
  const { prompts, preference } = JSON.parse(readFileSync(join(task, 'task.json'), 'utf8')) as {
    prompts: string
    preference: { preambles: { detailed: string }; exemplars: string }
  }
  let last = await data({ task, data: given })
  for (const name of ['task.json', preference.preambles.detailed, preference.exemplars]) {
    const text = readFileSync(join(task, name), 'utf8')
    writeFileSync(join(task, name), text.replace(/ the /, ' all the '))
    const next = await data({ task, data: given })
    expect([name, next.reused]).toEqual([name, false])
    expect(next.uri).not.toBe(last.uri)
    last = next
  }
  writeFileSync(join(task, prompts), rows('Own'))
  expect((await data({ task, data: given })).reused).toBe(true) // its own prompts are not read
  expect((await data({ task })).reused).toBe(false)
})

test('new weights, another config or another tokenizer in the same folder are another model; a copy is the same', async () => {
  const spec = join(temporaryFolder(), 'model')
  cpSync(tiny, spec, { recursive: true })
  const first = await run('model', { spec })
  expect(first).toMatchObject({ reused: true, uri: (model as StageResult).uri }) // a copy of the model of all tests
  const weights = join(spec, 'model.safetensors')
  const bytes = readFileSync(weights)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(weights, bytes)
  const second = await run('model', { spec })
  expect(second.reused).toBe(false)
  expect(second.sha256).not.toBe(first.sha256)
  for (const name of ['config.json', 'tokenizer_config.json']) {
    const config = JSON.parse(readFileSync(join(spec, name), 'utf8')) as object
    writeFileSync(join(spec, name), JSON.stringify({ ...config, note: 'new' }))
    expect((await run('model', { spec })).reused).toBe(false)
  }
  writeFileSync(join(spec, 'README.md'), 'Not read.')
  expect((await run('model', { spec })).reused).toBe(true)
})

test('what changes between the look and the reading fails an attempt that can be repeated, and is not mixed', async () => {
  const path = file(rows('Early'))
  meanwhile = () => writeFileSync(path, rows('Later'))
  await expect(data({ data: path })).rejects.toMatchObject({
    message: expect.stringMatching(/rows\.jsonl changed while it was read/),
    nonRetryable: false,
  })
  meanwhile = () => {}
  expect(trained(await data({ data: path }))).toContain('Later')

  const task = join(temporaryFolder(), 'task')
  cpSync(join(__dirname, '..', '..', 'tasks', 'helpful'), task, { recursive: true })
  const edit = (from: string, to: string) => {
    const text = readFileSync(join(task, 'task.json'), 'utf8')
    writeFileSync(join(task, 'task.json'), text.replace(from, to))
  }
  edit('"description": "', '"description": "Changed: ')
  meanwhile = () => edit('Changed', 'Changed again')
  await expect(data({ task })).rejects.toMatchObject({
    message: expect.stringMatching(/task .* changed while it was read/),
    nonRetryable: false,
  })

  const spec = join(temporaryFolder(), 'model')
  cpSync(tiny, spec, { recursive: true })
  const config = readFileSync(join(spec, 'config.json'), 'utf8')
  writeFileSync(join(spec, 'config.json'), `${config}\n`)
  meanwhile = () => writeFileSync(join(spec, 'config.json'), `${config}\n\n`)
  await expect(run('model', { spec })).rejects.toMatchObject({
    message: expect.stringMatching(/model: .* changed while it was read/),
    nonRetryable: false,
  })
})

describe('on the Hub', () => {
  const [OLD, NEW] = ['a'.repeat(40), 'b'.repeat(40)]
  let branch: string
  let asked: string[]
  beforeEach(() => {
    branch = OLD
    asked = []
    hub = (request, response) => {
      const url = request.url!
      asked.push(url)
      const commit = [OLD, NEW].find((one) => url.includes(one)) ?? branch
      if (url.startsWith('/api/datasets/owner/rows')) return sendJson(repository('owner/rows', commit), response)
      if (url.startsWith('/datasets/owner/rows/resolve/'))
        return sendRange(Buffer.from(rows(commit === OLD ? 'First' : 'Other')), request, response)
      if (url.startsWith('/api/models/owner/tiny/tree/'))
        return sendJson(
          ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map((path) => ({
            type: 'file',
            path,
            size: contentOf(path, commit).length,
            oid: 'c'.repeat(40),
          })),
          response,
        )
      if (url.startsWith('/api/models/owner/tiny')) return sendJson(repository('owner/tiny', commit), response)
      const path = /resolve\/\w+\/([\w.]+)/.exec(url)?.[1]
      return path ? sendRange(contentOf(path, commit), request, response) : response.writeHead(404).end()
    }
  })
  const contentOf = (path: string, commit: string) => {
    const content = readFileSync(join(tiny, path))
    return path === 'config.json' && commit === NEW ? Buffer.from(`${content.toString()}\n`) : content
  }
  const [datasetAt, modelAt] = [
    (revision: string) =>
      data({ data: { path: `hf:datasets/owner/rows${revision}/rows.jsonl`, evaluationPrompts: 2 } }),
    (revision: string) => run('model', { spec: `hf:owner/tiny${revision}` }),
  ]

  test.each([
    ['a dataset', datasetAt, 'data', (commit: string) => `hf:datasets/owner/rows@${commit}/rows.jsonl`],
    ['a model', modelAt, 'model', (commit: string) => `hf:owner/tiny@${commit}`],
  ])('%s is read again once its branch has moved, and a commit is recorded', async (_, at, name, recorded) => {
    const first = await at('')
    expect(manifestOf(first).sources![name]).toBe(recorded(OLD))
    expect(await at('@main')).toMatchObject({ reused: true, uri: first.uri })
    branch = NEW
    const second = await at('@main')
    expect(second.reused).toBe(false)
    expect(second.sha256).not.toBe(first.sha256)
    expect(manifestOf(second).sources![name]).toBe(recorded(NEW))
    branch = 'e'.repeat(40)
    asked = []
    expect(await at(`@${OLD}`)).toMatchObject({ reused: true, uri: first.uri })
    expect(asked).toEqual([])
  })

  test('a branch that moves while the stage starts is read as it was looked up', async () => {
    meanwhile = () => (branch = NEW)
    const read = await run('data', {
      task: 'harmless',
      model,
      limits: {},
      data: { path: 'hf:datasets/owner/rows@moving/rows.jsonl' },
    })
    expect(trained(read)).toContain('First')
    expect(manifestOf(read).sources!.data).toContain(OLD)
  })

  test('a branch that cannot be looked up is not taken to be where it was', async () => {
    await datasetAt('')
    await modelAt('')
    hub = (_, response) => response.writeHead(503).end()
    for (const at of [datasetAt, modelAt])
      await expect(at('')).rejects.toMatchObject({
        message: expect.stringMatching(
          /cannot find the commit of hf:.*now: .*a full commit id, which needs no look-up/,
        ),
        nonRetryable: false,
      })
  })

  test('files that an earlier version did not download are fetched into its folder', async () => {
    const folder = await downloadModel({ name: 'owner/tiny', revision: OLD }, /^(config\.json|model\.safetensors)$/)
    expect(await downloadModel({ name: 'owner/tiny', revision: OLD }, MODEL_FILE)).toBe(folder)
    expect(statSync(join(folder, 'tokenizer.json')).size).toBeGreaterThan(0)
  })
})

test('rows of the world count by what they are: seed and number, and no other spelling of the path', async () => {
  const at = (path: string, seed = 1) => data({ data: { path, evaluationPrompts: 2 }, seed })
  const first = await at('world:summaries?rows=20&seed=1')
  expect(await at('world:summaries?seed=1&rows=20')).toMatchObject({ reused: true, uri: first.uri })
  expect((await at('world:summaries?rows=20&seed=2')).reused).toBe(false)
  expect((await at('world:summaries?rows=21&seed=1')).reused).toBe(false)
})

test('what the world makes under a name counts by its fingerprint: the policy, and the annotators of every stage that asks', async () => {
  const settings = { baseUrl: 'world:', model: 'L' }
  const asks = { labeler: { settings }, judge: { settings } }
  const before = [await readSources('model', { spec: 'world:policy' }), await readSources('evaluate', asks)]
  expect(before.map(({ sources }) => Object.keys(sources))).toEqual([['model'], ['labeler', 'judge']])
  expect(await readSources('label', { labeler: { settings: { baseUrl: 'http://h/v1', model: 'L' } } })).toMatchObject({
    sources: {},
  })
  jest.spyOn(worldModels['world:policy']!, 'fingerprint').mockReturnValue('another')
  jest.spyOn(worldAnnotators, 'fingerprint').mockReturnValue('another')
  const after = [await readSources('model', { spec: 'world:policy' }), await readSources('evaluate', asks)]
  after.forEach(({ keyed }, i) => expect(keyOf('x', 1, keyed)).not.toBe(keyOf('x', 1, before[i]!.keyed)))
  jest.restoreAllMocks()
})

describe('the kept digest of a large file', () => {
  const large = (word: string) => word.repeat(3 * 2 ** 20)
  /** The clock of the look, later than that of the file. */
  const later = (ms: number) => jest.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)
  afterEach(() => jest.restoreAllMocks())

  test('is not used once the file has changed, whatever its size and its time of modification', async () => {
    const path = file(large('one'))
    later(10_000)
    const first = await currentDigest(path)
    expect(await currentDigest(path)).toBe(first)
    const { mtime } = statSync(path)
    writeFileSync(path, large('two'))
    utimesSync(path, mtime, mtime)
    const second = await currentDigest(path)
    expect(second).not.toBe(first)
    renameSync(file(large('six')), path)
    expect(await currentDigest(path)).not.toBe(second)
  })

  test('is used only where the last change is longer ago than two seconds', async () => {
    const path = file(large('one'))
    const poisoned = 'f'.repeat(64)
    later(10_000)
    await currentDigest(path)
    const [name] = readdirSync(join(process.env.RLAIF_CACHE!, 'digests'))
    const kept = join(process.env.RLAIF_CACHE!, 'digests', name!)
    writeFileSync(kept, readFileSync(kept, 'utf8').replace(/[0-9a-f]{64}/, poisoned))
    expect(await currentDigest(path)).toBe(poisoned) // it is from here
    jest.restoreAllMocks()
    const { ctimeMs } = statSync(path)
    jest.spyOn(Date, 'now').mockReturnValue(Math.floor(ctimeMs) + 1_900)
    expect(await currentDigest(path)).not.toBe(poisoned)
    jest.spyOn(Date, 'now').mockReturnValue(Math.floor(ctimeMs) - 5_000) // another machine's clock
    expect(await currentDigest(path)).not.toBe(poisoned)
  })
})
