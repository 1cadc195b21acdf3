// A Temporal dev server that skips waiting time, and a worker with the real workflows and activities of the test's own.
import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { Client, Connection, type WorkflowHandle } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { findTemporal } from '../../src/cli/dev-server'
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes'

export interface SkippingServer {
  client: Client
  /** Starts a workflow whose timers and backoffs take no time. */
  start(workflow: string, input: object, id: string): Promise<WorkflowHandle>
  /** Runs `use` while a worker is up. */
  withWorker<T>(activities: object, use: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

const QUEUE = 'all'
const freePort = () =>
  new Promise<number>((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => done(port))
    })
  })

async function connectedTo(address: string): Promise<Connection> {
  for (let tries = 0; ; tries++) {
    try {
      return await Connection.connect({ address, connectTimeout: 1000 })
    } catch (error) {
      if (tries === 60) throw error
      await new Promise((done) => setTimeout(done, 250))
    }
  }
}

export async function openSkippingServer(): Promise<SkippingServer> {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) })
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const server = spawn(findTemporal()!, ['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${port}`, '--headless', '--log-level', 'error', '--dynamic-config-value', 'frontend.WorkflowTimeSkippingEnabled=true'], { stdio: 'ignore' })
  const connection = await connectedTo(address)
  const native = await NativeConnection.connect({ address })
  for (const name of Object.values(SEARCH_ATTRIBUTES)) await connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { [name]: 2 } })
  const client = new Client({ connection })
  const service = client.workflowService
  const original = service.startWorkflowExecution.bind(service)
  service.startWorkflowExecution = ((request: object) => original({ ...request, timeSkippingConfig: { enabled: true } } as never)) as never
  return {
    client,
    start: (workflow, input, id) => client.workflow.start(workflow, { taskQueue: QUEUE, workflowId: id, args: [{ queues: { light: QUEUE, label: QUEUE, gpu: QUEUE }, ...input }] }),
    async withWorker(activities, use) {
      const worker = await Worker.create({ connection: native, taskQueue: QUEUE, workflowsPath: require.resolve('../../src/workflows/index.ts'), activities })
      return worker.runUntil(use())
    },
    async close() {
      await connection.close()
      await native.close()
      const ended = new Promise((done) => server.once('close', done))
      server.kill('SIGKILL')
      await ended
    },
  }
}
