// Starts a real Temporal server in memory for a test.
import { spawn, type ChildProcess } from 'node:child_process'
import { Connection } from '@temporalio/client'
import { freePort } from '../chaos/free-port.cjs'
import { findTemporal } from '../src/cli/dev-server'

export { freePort }

export interface DevServer {
  address: string
  connection: Connection
  close(): Promise<void>
}

/** A connection to the server, or undefined when its process ended before it answered. */
async function connectedTo(address: string, server: ChildProcess): Promise<Connection | undefined> {
  for (let tries = 0; server.exitCode === null; tries++) {
    try {
      return await Connection.connect({ address, connectTimeout: 1000 })
    } catch (error) {
      if (tries === 60) throw error
      await new Promise((done) => setTimeout(done, 250))
    }
  }
  return undefined
}

/** @param more additional arguments of `temporal server start-dev` */
export const startDevServer = async (...more: string[]): Promise<DevServer> =>
  startDevServerAt(await freePort(), ...more)

/** Starts it again if it ends at once: the ports that it chooses for itself may be taken before it listens there. */
export async function startDevServerAt(port: number, ...more: string[]): Promise<DevServer> {
  const address = `127.0.0.1:${port}`
  const server = spawn(
    findTemporal()!,
    ['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${port}`, '--headless', '--log-level', 'error', ...more],
    { stdio: 'ignore' },
  )
  const connection = await connectedTo(address, server)
  if (!connection) return startDevServerAt(port, ...more)
  return {
    address,
    connection,
    async close() {
      const ended = new Promise((done) => server.once('close', done))
      server.kill('SIGKILL')
      await ended
      // A call that the SDK still tries again would throw at a closed connection, in whichever test runs by then.
      setTimeout(() => void connection.close(), 60_000).unref()
    },
  }
}
