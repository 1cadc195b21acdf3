// Canaries: a secret in every variable of the workers, in the files that runs name, and in what endpoints reply. Runs
// that succeed and runs that fail in every way must leave none of them in the history, the log, the traces, the store,
// the arguments of processes or the messages to people. The labeler's key is seen by its endpoint alone.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { Client } from '@temporalio/client'
import { temporal } from '@temporalio/proto'
import { taskFolder } from '../../src/data/task'
import { reasonOf } from '../../src/runs/reason'
import { encryptingConverter } from '../../src/workers/payload-encryption'
import { startDevServer } from '../dev-server'
import { preferShorter, startEndpoint, type Endpoint, type Fault, type Rule } from '../feedback/endpoint'
import { ended, until } from '../site'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(240_000)

const COMMAND = resolve(__dirname, '..', '..', 'dist', 'cli', 'main.js')
const canary = () => randomBytes(18).toString('base64').replaceAll('/', 'A').replaceAll('+', 'B')

/** Variables as they are on people's machines. */
const NAMES = [
  'LABELER_KEY',
  'OPENAI_API_KEY',
  'ANTHROPIC_API_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'GITHUB_TOKEN',
  'HF_TOKEN',
  'NPM_TOKEN',
  'SLACK_BOT_TOKEN',
  'STRIPE_API_KEY',
  'RLAIF_REWARD_TOKEN',
  'RLAIF_NOTIFY_KEY',
  'PGPASSWORD',
  'SOME_VALUE',
]
const variables = Object.fromEntries(NAMES.map((name) => [name, canary()]))
const key = variables.LABELER_KEY!
const [hookPath, databasePassword, brokenKey, inRow, inTask, inModel, inHeader, inReply] = Array.from(
  { length: 8 },
  canary,
)
const canaries = [
  ...Object.values(variables),
  hookPath!,
  databasePassword!,
  brokenKey!,
  inRow!,
  inTask!,
  inModel!,
  inHeader!,
  inReply!,
]

/** Parts of a canary, as it is and as its base64 begins at each of three bytes. */
const partsOf = (secret: string): string[] =>
  [
    secret,
    ...['', 'x', 'xy'].map((before) =>
      Buffer.from(before + secret)
        .toString('base64')
        .slice(4, -4),
    ),
  ].flatMap((form) => Array.from({ length: Math.max(1, form.length - 11) }, (_, i) => form.slice(i, i + 12)))
const parts = canaries.map((secret, i) => ({
  name: NAMES[i] ?? `other canary ${i - NAMES.length}`,
  parts: partsOf(secret),
}))
const foundIn = (where: string, text: string) =>
  parts.flatMap(({ name, parts: some }) => (some.some((part) => text.includes(part)) ? [`${name} in ${where}`] : []))

/** Weights and vocabularies are long, and copies of the model's. */
const SEARCHED_WHOLE = 4_000_000
const textsOf = (folder: string): { where: string; text: string }[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter(
      (file) => statSync(file).isFile() && statSync(file).size < SEARCHED_WHOLE && !file.endsWith('tokenizer.json'),
    )
    .map((file) => ({ where: file, text: readFileSync(file, 'latin1') }))

interface Listener {
  server: Server
  url: string
  bodies: string[]
  headers: IncomingHttpHeaders[]
  paths: string[]
}
async function listen(): Promise<Listener> {
  const heard: Omit<Listener, 'server' | 'url'> = { bodies: [], headers: [], paths: [] }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => (body += String(part)))
    request.on('end', () => {
      heard.bodies.push(body)
      heard.headers.push(request.headers)
      heard.paths.push(request.url!)
      response.end('{}')
    })
  })
  await new Promise<void>((up) => server.listen(0, '127.0.0.1', up))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...heard }
}

const escaped = [...key].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
const base64 = Buffer.from(`user:${key}`).toString('base64')
/** What hostile and careless endpoints reply, by the name of the model that is asked for. */
const replies: Record<string, { status: number; headers?: Record<string, string>; body: string }> = {
  redirects: {
    status: 302,
    headers: { location: `https://e.example/${key}?key=${encodeURIComponent(key)}` },
    body: '',
  },
  'echoes-escaped': { status: 401, body: `{"error": {"message": "wrong key ${escaped}"}, "internal": "${inReply}"}` },
  'echoes-base64': { status: 403, body: `wrong: Authorization: Basic ${base64}` },
  'echoes-cut': { status: 404, body: `${'x'.repeat(300 - key.length / 2)}${key}` },
}

/** A labeler that writes the key into its rationales. */
const answersOf: Rule = (prompt, body) =>
  body.logprobs ? preferShorter(prompt, body) : `The first is better, as ${key} says, ${base64}.`

describe.each(['in plain text', 'encrypted'])('histories %s', (kind) => {
  const isEncrypted = kind === 'encrypted'
  const arguments_ = new Set<string>()
  const log: string[] = []
  let endpoint: Endpoint
  let careless: Listener[]
  let [collector, receiver] = [] as unknown as [Listener, Listener]
  let close: () => Promise<void>
  let client: Client
  let plain: Client
  let home: string
  const model = writeTinyFolder()

  beforeAll(async () => {
    const payloadKey = randomBytes(32).toString('base64')
    if (isEncrypted) process.env.RLAIF_PAYLOAD_KEYS = `a:${payloadKey}`
    const fault: Fault = (request, response) => {
      response.setHeader('x-debug', inHeader!)
      return request === 1 && Boolean(response.writeHead(503).end(`busy with ${key}, ${base64}`))
    }
    endpoint = await startEndpoint(answersOf, fault)
    careless = []
    ;[collector, receiver] = [await listen(), await listen()]
    const server = await startDevServer()
    plain = new Client({ connection: server.connection })
    const dataConverter = encryptingConverter()
    client = new Client({ connection: server.connection, ...(dataConverter && { dataConverter }) })
    home = join(temporaryFolder(), 'home')
    const worker = spawn(process.execPath, [COMMAND, 'worker'], {
      env: {
        ...process.env,
        ...variables,
        BROKEN_API_KEY: `sk-\n${brokenKey}`,
        DATABASE_URL: `postgres://me:${databasePassword}@db.example/x`,
        RLAIF_NOTIFY_URL: `${receiver.url}/services/${hookPath}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        RLAIF_HOME: home,
        TEMPORAL_ADDRESS: server.address,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [worker.stdout, worker.stderr]) stream.on('data', (part) => log.push(String(part)))
    const watch = setInterval(() => {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
        try {
          arguments_.add(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))
        } catch {
          // it has exited
        }
    }, 250)
    close = async () => {
      clearInterval(watch)
      await ended(worker, 'SIGTERM')
      await server.close()
      await endpoint.close()
      for (const { server: listener } of [collector, receiver, ...careless]) listener.close().closeAllConnections()
      delete process.env.RLAIF_PAYLOAD_KEYS
    }
  })
  afterAll(() => close())

  const written = (name: string, content: string) => {
    const file = join(temporaryFolder(), name)
    writeFileSync(file, content)
    return file
  }
  const rows = Array.from({ length: 14 }, (_, i) => ({
    chosen: `\n\nHuman: Question ${i}?\n\nAssistant: An answer.`,
    rejected: `\n\nHuman: Question ${i}?\n\nAssistant: A worse answer, of some length.`,
    accessToken: inRow,
  }))
  const data = written('rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'))
  const labeler = (more: object) => ({ baseUrl: endpoint.baseUrl, model: 'judge', apiKeyEnv: 'LABELER_KEY', ...more })
  const input = (more: object = {}) => ({
    task: 'harmless',
    model,
    method: 'rlaif',
    data: { path: data, evaluationPrompts: 4 },
    limits: { responseTokens: 4 },
    untilStage: 'reward-model',
    labeler: labeler({}),
    onFailure: 'fail',
    ...more,
  })
  const start = (id: string, more: object) =>
    client.workflow.start('align', { taskQueue: 'rlaif', workflowId: id, args: [input(more)] })

  test('a run that succeeds', async () => {
    await (await start('succeeds', { labeler: labeler({ chainOfThought: true }) })).result()
    expect(new Set(endpoint.keys)).toEqual(new Set([`Bearer ${key}`]))
    expect(
      endpoint.headers.flatMap((headers) => foundIn('', JSON.stringify({ ...headers, authorization: '' }))),
    ).toEqual([])
  })

  test('a run that parks, and tells people', async () => {
    await replying('echoes-escaped')
    const parked = await start('parks', {
      labeler: labeler({ baseUrl: careless.at(-1)!.url, model: 'echoes-escaped' }),
      onFailure: 'wait',
      notify: { urlEnv: 'RLAIF_NOTIFY_URL', secretEnv: 'RLAIF_NOTIFY_KEY' },
    })
    await until(async () => (receiver.bodies.length > 0 ? true : undefined))
    expect(receiver.bodies[0]).toMatch(/parks is parked and needs you: .*wrong key \*\*\*/)
    await parked.signal('resolveFailure', { action: 'abort' })
    await expect(parked.result()).rejects.toThrow()
  })

  /** An endpoint that replies so. */
  async function replying(name: string): Promise<void> {
    const { status, headers = {}, body } = replies[name]!
    const listener = await listen()
    listener.server.removeAllListeners('request')
    listener.server.on('request', (request, response) => {
      request.resume()
      response.writeHead(status, { ...headers, 'x-debug': inHeader! }).end(body)
    })
    careless.push(listener)
  }

  test('runs that fail', async () => {
    const failing: Record<string, object> = {}
    for (const name of Object.keys(replies).slice(0, isEncrypted ? 1 : undefined)) {
      await replying(name)
      failing[name] = {
        labeler: labeler({ baseUrl: careless.at(-1)!.url, model: name, retries: 0, stopAfterFailures: 1 }),
      }
    }
    for (const name of isEncrypted ? [] : ['BROKEN_API_KEY', 'GITHUB_TOKEN'])
      failing[name] = { labeler: labeler({ apiKeyEnv: name }) }
    failing.rows = {
      data: { path: written('rows.jsonl', JSON.stringify({ prompt: 'x', accessToken: inRow })), format: 'jsonl' },
    }
    failing['no-rows'] = { data: written('rows.jsonl', `SECRET=${inRow}`) }
    const task = temporaryFolder()
    cpSync(taskFolder('harmless'), task, { recursive: true })
    writeFileSync(join(task, 'task.json'), JSON.stringify({ accessToken: inTask, name: { x: inTask } }))
    failing.task = { task }
    const otherModel = join(temporaryFolder(), 'model')
    cpSync(model, otherModel, { recursive: true })
    writeFileSync(join(otherModel, 'config.json'), JSON.stringify({ model_type: inModel }))
    failing.model = { model: otherModel }
    const messages = await Promise.all(
      Object.entries(failing).map(async ([id, more]) => {
        const handle = await start(id, more)
        return [id, await handle.result().then(() => 'succeeded', reasonOf)] as const
      }),
    )
    expect(messages.filter(([, message]) => message === 'succeeded').map(([id]) => id)).toEqual([])
    expect(messages.flatMap(([id, message]) => foundIn(`the failure of ${id}`, message))).toEqual([])
  })

  test('no canary is in a history, the log, the traces, the store, arguments, or messages to people', async () => {
    const places: { where: string; text: string }[] = []
    for await (const { workflowId, runId } of client.workflow.list()) {
      const history = await plain.workflow.getHandle(workflowId, runId).fetchHistory()
      const text = Buffer.from(temporal.api.history.v1.History.encode(history).finish()).toString('latin1')
      places.push({ where: `the history of ${workflowId}`, text })
    }
    expect(places.length).toBeGreaterThan(isEncrypted ? 5 : 10)
    await until(async () => (collector.bodies.some((body) => body.includes('compute label')) ? true : undefined), 30)
    places.push(...collector.bodies.map((text) => ({ where: 'traces', text })))
    places.push({ where: 'the log', text: log.join('') })
    places.push(...textsOf(home))
    places.push(...[...arguments_].map((text) => ({ where: `arguments: ${text.slice(0, 40)}`, text })))
    places.push(...receiver.bodies.map((text) => ({ where: 'a message', text })))
    places.push(
      ...receiver.headers.map((headers) => ({ where: 'headers of a message', text: JSON.stringify(headers) })),
    )
    expect(places.filter(({ where }) => where.startsWith(home)).length).toBeGreaterThan(20)
    expect(log.join('')).toMatch(/stage finished/)
    expect(receiver.paths.every((path) => path.endsWith(hookPath!))).toBe(true)
    expect(places.flatMap(({ where, text }) => foundIn(where, text))).toEqual([])
  })
})
