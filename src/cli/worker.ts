// `rlaif worker`: workers of chosen roles for a Temporal server that runs elsewhere.
import { createServer, type Server } from 'node:http'
import { InvalidInput } from '../contracts/parse'
import { homeFolder } from '../workers/home'
import { installRuntime } from '../workers/runtime'
import { configuredServer } from '../workers/temporal'
import { defaultQueues, roles, startWorkers, type Role, type RunningWorkers } from '../workers/worker'
import { untilStopped } from './until-stopped'

export function parseRoles(given: string): Role[] {
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !roles.includes(name as Role))
  if (unknown !== undefined) throw new InvalidInput(`--roles got "${unknown}"; there are ${roles.join(', ')}`)
  return names as Role[]
}

/** Serves GET /healthz for whatever monitors the process: 200 while every worker is running, else 503. */
function openHealth(port: number, workers: RunningWorkers): Promise<Server> {
  const server = createServer((request, response) => {
    const states = workers.states()
    const healthy = Object.values(states).every((state) => state === 'RUNNING')
    if (request.url === '/healthz')
      response.writeHead(healthy ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(states))
    else response.writeHead(404).end()
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new InvalidInput(`worker: --health-port ${port} cannot be used: ${error.message}`)),
    )
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

export interface WorkerOptions {
  /** Local port to serve GET /healthz on, if any. */
  healthPort?: number
  /** Address to serve GET /metrics on, if any. */
  metrics?: string
  /** Task queue of the gpu role, e.g. one per class of device. */
  gpuQueue?: string
}

export async function worker(
  wanted: readonly Role[],
  { healthPort, metrics, gpuQueue }: WorkerOptions,
): Promise<number> {
  const server = configuredServer()
  if (!server)
    throw new InvalidInput(
      'worker: TEMPORAL_ADDRESS is not set; ' +
        'set it to host:port of the Temporal server, or use `rlaif up` for a local one',
    )
  await installRuntime({ metrics })
  const stopped = untilStopped()
  const workers = await startWorkers(wanted, {
    server,
    home: homeFolder(),
    ...(gpuQueue !== undefined && { queues: { ...defaultQueues, gpu: gpuQueue } }),
  })
  const health = healthPort === undefined ? undefined : await openHealth(healthPort, workers)
  process.stdout.write(`workers ${wanted.join(', ')} take work from ${server.connection.address}\n`)
  try {
    await Promise.race([stopped, workers.finished])
    return 0
  } finally {
    health?.close()
    await workers.stop()
  }
}
