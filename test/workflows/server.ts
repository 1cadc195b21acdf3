// A Temporal dev server, which may skip waiting time, and a worker with the real workflows and a test's activities.
import { Client, type WorkflowHandle } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes'
import { startDevServer } from '../dev-server'

export interface WorkflowServer {
  client: Client
  /** Starts a workflow; on a server that skips time, timers and backoffs take no time. */
  start(workflow: string, input: object, id: string): Promise<WorkflowHandle>
  /** Runs `use` while a worker is up. */
  withWorker<T>(activities: object, use: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

const QUEUE = 'all'
/** When a run parks, a server that skips time soon reaches the end of the time that a person has. */
export const openSkippingServer = () => openServer({ timeSkippingConfig: { enabled: true } })
export const openPlainServer = () => openServer({})

async function openServer(more: object): Promise<WorkflowServer> {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) })
  const server = await startDevServer('--dynamic-config-value', 'frontend.WorkflowTimeSkippingEnabled=true')
  const { address, connection } = server
  const native = await NativeConnection.connect({ address })
  for (const name of Object.values(SEARCH_ATTRIBUTES))
    await connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { [name]: 2 } })
  const client = new Client({ connection })
  const service = client.workflowService
  const original = service.startWorkflowExecution.bind(service)
  service.startWorkflowExecution = ((request: object) => original({ ...request, ...more } as never)) as never
  return {
    client,
    start: (workflow, input, id) =>
      client.workflow.start(workflow, {
        taskQueue: QUEUE,
        workflowId: id,
        args: [{ queues: { light: QUEUE, label: QUEUE, gpu: QUEUE }, ...input }],
      }),
    async withWorker(activities, use) {
      const worker = await Worker.create({
        connection: native,
        taskQueue: QUEUE,
        workflowsPath: require.resolve('../../src/workflows/index.ts'),
        activities,
      })
      return worker.runUntil(use())
    },
    async close() {
      await native.close()
      await server.close()
    },
  }
}
