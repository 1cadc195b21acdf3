// Everything one machine needs to run workflows: a Temporal server and workers of every role.
import { join } from 'node:path'
import { InvalidInput } from '../contracts/parse'
import { homeFault } from '../workers/home'
import { installRuntime, type RuntimeOptions } from '../workers/runtime'
import { roles, startWorkers, type RunningWorkers } from '../workers/worker'
import { openServer, type Server } from './dev-server'

/** Where to serve Prometheus metrics, if anywhere. */
export type MetricsOptions = Pick<RuntimeOptions, 'metrics' | 'metricsOpen'>

export interface LocalStack {
  server: Server
  /** Rejects when a worker fails. */
  finished: Promise<void>
  /** Stops the workers, which hand running stages back, and then the server. */
  close(): Promise<void>
}

/** The file that the workers of a home log to. */
export const workerLog = (home: string): string => join(home, 'worker.log')

const NO_WORKERS: RunningWorkers = { states: () => ({}), finished: new Promise(() => {}), stop: async () => {} }

/** Before a server is started that could not write its database. */
function refuseUnwritable(home: string): void {
  const fault = homeFault(home)
  if (fault !== undefined) throw new InvalidInput(`home: ${fault}`)
}

/** Starts what is not running yet. Where another process owns the home's server, it runs the workers as well. */
export async function openLocalStack(home: string, metrics: MetricsOptions = {}): Promise<LocalStack> {
  refuseUnwritable(home)
  const server = await openServer(home)
  try {
    if (!server.ownedElsewhere) await installRuntime({ logFile: workerLog(home), ...metrics })
    const workers = server.ownedElsewhere ? NO_WORKERS : await startWorkers(roles, { server: server.temporal, home })
    return {
      server,
      finished: workers.finished,
      async close() {
        await workers.stop()
        await server.stop()
      },
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}
