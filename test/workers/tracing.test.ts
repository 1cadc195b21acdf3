// Traces as a team's collector receives them: OTLP over real HTTP, from the real command, workers, child processes and
// endpoint.
import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { preferShorter, startEndpoint, type Endpoint } from '../feedback/endpoint'
import { ended, openSite, until, type Site } from '../site'
import { writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

interface Attribute {
  key: string
  value: Record<string, unknown>
}
interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: Attribute[]
  status: { code?: number }
}
interface Batch {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[]
}

const spans: Span[] = []
const texts: string[] = []
let collector: Server
let endpoint: Endpoint
let site: Site
beforeAll(async () => {
  collector = createServer((request, response) => {
    let text = ''
    request.on('data', (part) => (text += String(part)))
    request.on('end', () => {
      texts.push(text)
      spans.push(
        ...(JSON.parse(text) as Batch).resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap((scope) => scope.spans),
        ),
      )
      response.end('{}')
    })
  })
  await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done))
  endpoint = await startEndpoint(
    preferShorter,
    (request, response) => request === 1 && Boolean(response.writeHead(503).end('busy')),
  )
  site = await openSite()
})
afterAll(async () => {
  await site.close()
  await endpoint.close()
  collector.close()
  collector.closeAllConnections()
})

const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

test('one trace links command, workflow, activity, child process and requests, without prompts and keys', async () => {
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    TEST_KEY: 'sk-very-secret',
  }
  const worker = site.workerWith(environment, 'workflow', 'label', 'gpu')
  const model = writeTinyFolder()
  const input = {
    task: 'harmless',
    model,
    method: 'rlaif',
    data: { limit: 8, evaluationPrompts: 4 },
    limits: { responseTokens: 6 },
    untilStage: 'reward-model',
    labeler: { baseUrl: endpoint.baseUrl, model: 'judge', apiKeyEnv: 'TEST_KEY' },
  }
  const command = [
    resolve(__dirname, '..', '..', 'dist', 'cli', 'main.js'),
    'run',
    'align',
    '--id',
    'traced',
    '--input',
    JSON.stringify(input),
  ]
  await promisify(execFile)(process.execPath, command, {
    env: { ...process.env, ...environment, TEMPORAL_ADDRESS: site.address, RLAIF_HOME: site.home },
  })
  await ended(worker, 'SIGTERM')

  const requests = await until(async () => {
    const found = spans.filter(({ name }) => name === 'POST /v1/chat/completions')
    return found.length === endpoint.prompts.length ? found : undefined
  }, 20)
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const path = (span: Span): string[] => [
    span.name,
    ...(span.parentSpanId && byId.has(span.parentSpanId) ? path(byId.get(span.parentSpanId)!) : []),
  ]
  for (const request of requests)
    expect(path(request)).toEqual([
      'POST /v1/chat/completions',
      'compute label',
      'RunActivity:label',
      'StartActivity:label',
      'RunWorkflow:align',
      'StartWorkflow:align',
    ])
  expect(new Set(requests.map(({ traceId }) => traceId)).size).toBe(1)
  expect(requests.map((request) => attributesOf(request)['http.response.status_code']).sort()).toEqual([
    ...Array.from({ length: requests.length - 1 }, () => 200),
    503,
  ])
  expect(attributesOf(requests[0]!)).toMatchObject({
    'gen_ai.request.model': 'judge',
    'server.address': new URL(endpoint.baseUrl).host,
  })
  expect(spans.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['compute data', 'compute sample', 'RunActivity:reward-model', 'compute report']),
  )
  expect(endpoint.headers.every(({ traceparent }) => String(traceparent).includes(requests[0]!.traceId))).toBe(true)
  expect(spans.filter(({ name }) => /Query|Describe/.test(name))).toEqual([])
  for (const secret of ['sk-very-secret', 'Human:', 'Response 1', input.labeler.baseUrl + '?'])
    expect(texts.some((text) => text.includes(secret))).toBe(false)
})
