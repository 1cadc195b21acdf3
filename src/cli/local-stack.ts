// Everything one machine needs to run workflows: a Temporal server and workers of every role.
import { join } from 'node:path'
import { installRuntime } from '../workers/runtime'
import { roles, startWorkers, type Role, type RunningWorkers } from '../workers/worker'
import { openServer, type Server } from './dev-server'

export interface LocalStack {
  server: Server
  /** Rejects when a worker fails. */
  finished: Promise<void>
  /** Workers first, so that running stages are handed back, then the server. */
  close(): Promise<void>
}

const NO_WORKERS: RunningWorkers = { states: () => ({}), finished: new Promise(() => {}), stop: async () => {} }

/** Starts what is not up yet. A home whose server another process looks after has its workers there too. */
export async function openLocalStack(
  home: string,
  metrics?: string,
  wanted: readonly Role[] = roles,
): Promise<LocalStack> {
  const server = await openServer(home)
  try {
    if (!server.elsewhere) await installRuntime({ logFile: join(home, 'worker.log'), metrics })
    const workers = server.elsewhere ? NO_WORKERS : await startWorkers(wanted, { server: server.temporal, home })
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

/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const stop = () => {
      if (asked) process.exit(130)
      asked = true
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}
