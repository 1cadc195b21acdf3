// Workers by role: which task queue a process polls, and what it runs (design decision 8).
import { hostname } from 'node:os'
import { join } from 'node:path'
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker'
import { createActivities } from '../activities'
import { openStore } from '../artifacts/open-store'
import { defaultQueues, type Queues } from '../contracts/queues'
import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes'
import { version } from '../version'
import { workerConverter } from './payload-encryption'
import type { TemporalServer } from './temporal'
import { startTracing } from './tracing'
import { failuresWithoutSecrets } from './without-secrets'

export const roles = ['workflow', 'label', 'gpu'] as const
export type Role = (typeof roles)[number]

/** Labelling by an endpoint mostly waits for HTTP, so many stages may run at once. */
const LABEL_STAGES_AT_ONCE = 8
const LIGHT_STAGES_AT_ONCE = 2
const CHILD = join(__dirname, 'child-main.js')
/** INDEXED_VALUE_TYPE_KEYWORD in Temporal's API. */
const KEYWORD = 2

function roleOptions(
  role: Role,
  queues: Queues,
): Pick<WorkerOptions, 'taskQueue' | 'maxConcurrentActivityTaskExecutions' | 'workflowsPath'> {
  if (role === 'workflow')
    return {
      taskQueue: queues.light,
      maxConcurrentActivityTaskExecutions: LIGHT_STAGES_AT_ONCE,
      workflowsPath: require.resolve('../workflows'),
    }
  if (role === 'label') return { taskQueue: queues.label, maxConcurrentActivityTaskExecutions: LABEL_STAGES_AT_ONCE }
  return { taskQueue: queues.gpu, maxConcurrentActivityTaskExecutions: 1 }
}

export interface WorkersOptions {
  server: TemporalServer
  home: string
  queues?: Queues
  /** The module that the child processes of stages run. Default: the one that computes them. */
  childProgram?: string
}

/**
 * Before a workflow uses them: an attribute that the server does not know would block the run. Repeating it is
 * harmless.
 */
async function registerSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  for (const name of Object.values(SEARCH_ATTRIBUTES)) {
    await connection.operatorService
      .addSearchAttributes({ namespace, searchAttributes: { [name]: KEYWORD } })
      .catch((error: unknown) => {
        if (!/already exist/i.test((error as Error).message)) throw error
      })
  }
}

export interface RunningWorkers {
  /** State of each role's worker, as the SDK names it: INITIALIZED, RUNNING, STOPPING, … */
  states(): Record<string, string>
  /** Lets running stages finish within the grace time, cancels the others, and closes the connection. */
  stop(): Promise<void>
  /** Rejects when a worker fails; resolves when all have stopped. */
  finished: Promise<void>
}

/** Starts one worker per role in this process. */
export async function startWorkers(
  started: readonly Role[],
  { server: { connection: options, namespace }, home, queues = defaultQueues, childProgram = CHILD }: WorkersOptions,
): Promise<RunningWorkers> {
  const dataConverter = workerConverter()
  const connection = await NativeConnection.connect(options)
  await registerSearchAttributes(connection, namespace)
  const tracing = await startTracing()
  const environment = { home, store: await openStore(home), childProgram }
  const workers = await Promise.all(
    started.map((role) =>
      Worker.create({
        connection,
        namespace,
        ...roleOptions(role, queues),
        dataConverter,
        ...(tracing && { plugins: [tracing.plugin] }),
        activities: createActivities(environment),
        interceptors: { activity: [failuresWithoutSecrets] },
        identity: `${role}-${process.pid}@${hostname()} rlaif ${version}`,
        maxHeartbeatThrottleInterval: '5 seconds',
        shutdownGraceTime: '2 seconds',
        shutdownForceTime: '30 seconds',
      }),
    ),
  )
  const runs = workers.map((worker) => worker.run())
  const finished = Promise.all(runs).then(() => undefined)
  return {
    finished,
    states: () => Object.fromEntries(started.map((role, i) => [role, workers[i]!.getState()])),
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown()
      await Promise.allSettled(runs)
      await connection.close()
      await tracing?.flush()
    },
  }
}
