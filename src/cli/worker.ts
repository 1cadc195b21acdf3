// `rlaif worker`: workers of chosen roles for a Temporal server that runs elsewhere.
import type { Server } from 'node:http'
import { Hono } from 'hono'
import { InvalidInput } from '../contracts/parse'
import { listen, refuseInText, type App } from '../http/server'
import { hasToken, tokenOf } from '../http/token'
import { homeFault, openHome } from '../workers/home'
import { METRICS_TOKEN } from '../workers/metrics'
import { installRuntime } from '../workers/runtime'
import { configuredServer } from '../workers/temporal'
import { defaultQueues } from '../contracts/queues'
import { roles, startWorkers, type Role, type RunningWorkers } from '../workers/worker'
import { untilStopped } from './until-stopped'

export function parseRoles(given: string): Role[] {
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !roles.includes(name as Role))
  if (unknown !== undefined) throw new InvalidInput(`--roles got "${unknown}"; there are ${roles.join(', ')}`)
  return names as Role[]
}

const HEALTH_ADDRESS = '127.0.0.1'

/**
 * Serves GET /healthz for whatever monitors the process: 200 while every worker is running, else 503. The workers'
 * states are shown to those who send the token, if there is one.
 */
export function openHealth(port: number, token: string | undefined, workers: RunningWorkers): Promise<Server> {
  const app: App = new Hono()
  app.get('/healthz', (c) => {
    const states = workers.states()
    const healthy = Object.values(states).every((state) => state === 'RUNNING')
    return c.json(hasToken(c.env.incoming, token) ? states : {}, healthy ? 200 : 503)
  })
  const door = { address: HEALTH_ADDRESS }
  return listen(app, { port, door, refuse: refuseInText('worker') }).catch((error: Error) => {
    throw new InvalidInput(`worker: --health-port ${port} cannot be used: ${error.message}; choose another port`)
  })
}

export interface WorkerOptions {
  /** Local port to serve GET /healthz on, if any. */
  healthPort?: number
  /** Address to serve GET /metrics on, if any. */
  metrics?: string
  /** Whether other machines may read the metrics without a token. */
  metricsOpen?: boolean
  /** Task queue of the gpu role, e.g. one per class of device. */
  gpuQueue?: string
}

export async function worker(
  wanted: readonly Role[],
  { healthPort, metrics, metricsOpen, gpuQueue }: WorkerOptions,
): Promise<number> {
  const server = configuredServer()
  if (!server)
    throw new InvalidInput(
      'worker: TEMPORAL_ADDRESS is not set; ' +
        'set it to host:port of the Temporal server, or use `rlaif up` for a local one',
    )
  const fault = homeFault()
  if (fault !== undefined) throw new InvalidInput(`home: ${fault}`)
  const token = healthPort === undefined ? undefined : tokenOf(METRICS_TOKEN, 'worker')
  await installRuntime({ metrics, metricsOpen })
  const stopped = untilStopped()
  const workers = await startWorkers(wanted, {
    server,
    home: openHome(),
    ...(gpuQueue !== undefined && { queues: { ...defaultQueues, gpu: gpuQueue } }),
  })
  const health = healthPort === undefined ? undefined : await openHealth(healthPort, token, workers)
  process.stdout.write(`workers ${wanted.join(', ')} take work from ${server.connection.address}\n`)
  try {
    await Promise.race([stopped, workers.finished])
    return 0
  } finally {
    health?.close()
    await workers.stop()
  }
}
