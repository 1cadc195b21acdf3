// A stand-in for an MLflow server: the part of its REST interface that trackers use, with its answers, and its faults.
// https://mlflow.org/docs/latest/api_reference/rest-api.html
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Metric {
  key: string
  value: number
  timestamp: number
  step: number
}
interface Named {
  key: string
  value: string
}
interface Run {
  info: { run_id: string; status: string; start_time: number; artifact_uri: string }
  tags: Map<string, string>
  params: Map<string, string>
  metrics: Metric[]
}

/** What the server does with requests: answer, or fail as servers do. */
type Fault = 'none' | 'busy' | 'silent' | 'takes and drops'

export interface MlflowServer {
  url: string
  /** What the next requests meet. */
  fault: Fault
  requests: { path: string; token: string | undefined }[]
  runs: Run[]
  /** By path. */
  files: Map<string, string>
  /** Steps of a metric, in the order in which they came. */
  steps(metric: string): number[]
  close(): Promise<void>
}

type Body = Record<string, unknown> & {
  filter?: string
  run_id?: string
  tags?: Named[]
  params?: Named[]
  metrics?: Metric[]
}

class NoSuchThing extends Error {}

function answer(server: MlflowServer, path: string, body: Body): unknown {
  const run = () => {
    const found = server.runs.find(({ info }) => info.run_id === body.run_id)
    if (!found) throw new NoSuchThing(`Run '${body.run_id}' not found`)
    return found
  }
  switch (path.replace('/api/2.0/mlflow/', '').split('?')[0]) {
    case 'experiments/get-by-name':
      if (server.runs.length === 0) throw new NoSuchThing('No experiment with that name exists')
      return { experiment: { experiment_id: '1' } }
    case 'experiments/create':
      return { experiment_id: '1' }
    case 'runs/create': {
      const id = `run${server.runs.length + 1}`
      const info = { run_id: id, status: 'RUNNING', start_time: 1, artifact_uri: `mlflow-artifacts:/1/${id}/artifacts` }
      const tags = new Map(body.tags!.map(({ key, value }) => [key, value]))
      server.runs.push({ info, tags, params: new Map(), metrics: [] })
      return { run: { info } }
    }
    case 'runs/search': {
      const wanted = /= '(.*)'$/.exec(body.filter!)![1]
      return { runs: server.runs.filter(({ tags }) => tags.get('rlaif.run') === wanted).map(shown) }
    }
    case 'runs/log-batch':
      for (const { key, value } of body.tags ?? []) run().tags.set(key, value)
      for (const { key, value } of body.params ?? []) run().params.set(key, value)
      for (const metric of body.metrics ?? []) run().metrics.push(metric)
      return {}
    case 'runs/set-tag':
      run().tags.set(String(body.key), String(body.value))
      return {}
    case 'runs/update':
      run().info.status = String(body.status)
      return {}
    default:
      throw new NoSuchThing(`no route ${path}`)
  }
}

const pairs = (map: Map<string, string>) => [...map].map(([key, value]) => ({ key, value }))

/** The latest value of each metric, as MLflow shows a run; numbers of 64 bits are texts in its JSON. */
function shown({ info, tags, params, metrics }: Run) {
  const latest = new Map<string, Metric>()
  for (const metric of metrics)
    if (!((latest.get(metric.key)?.step ?? -1) > metric.step)) latest.set(metric.key, metric)
  const asShown = [...latest.values()].map((metric) => ({ ...metric, step: String(metric.step) }))
  return { info, data: { metrics: asShown, params: pairs(params), tags: pairs(tags) } }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

export async function startMlflow(): Promise<MlflowServer> {
  const http: Server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const path = request.url!
      server.requests.push({ path, token: request.headers.authorization })
      if (server.fault === 'silent') return
      if (server.fault === 'busy') return response.writeHead(503).end('Service Unavailable')
      response.setHeader('content-type', 'application/json')
      if (path.startsWith('/api/2.0/mlflow-artifacts/artifacts/')) {
        server.files.set(path.slice('/api/2.0/mlflow-artifacts/artifacts/'.length), body)
        return response.end('{}')
      }
      try {
        const answered = answer(server, path, (body === '' ? {} : JSON.parse(body)) as Body)
        if (server.fault === 'takes and drops' && path.includes('log-batch')) return response.destroy()
        return response.end(JSON.stringify(answered))
      } catch (error) {
        if (!(error instanceof NoSuchThing)) throw error
        const told = { error_code: 'RESOURCE_DOES_NOT_EXIST', message: error.message }
        return response.writeHead(404).end(JSON.stringify(told))
      }
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const server: MlflowServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    fault: 'none',
    requests: [],
    runs: [],
    files: new Map(),
    steps: (metric) =>
      server.runs.flatMap(({ metrics }) => metrics.filter(({ key }) => key === metric).map(({ step }) => step)),
    async close() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
  return server
}
