// Starts a real Temporal server in memory for a test.
import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { Connection } from '@temporalio/client'
import { findTemporal } from '../src/cli/dev-server'

export interface DevServer {
  address: string
  connection: Connection
  close(): Promise<void>
}

export const freePort = () =>
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

/** @param more additional arguments of `temporal server start-dev` */
export const startDevServer = async (...more: string[]): Promise<DevServer> =>
  startDevServerAt(await freePort(), ...more)

export async function startDevServerAt(port: number, ...more: string[]): Promise<DevServer> {
  const address = `127.0.0.1:${port}`
  const server = spawn(
    findTemporal()!,
    ['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${port}`, '--headless', '--log-level', 'error', ...more],
    { stdio: 'ignore' },
  )
  const connection = await connectedTo(address)
  return {
    address,
    connection,
    async close() {
      await connection.close()
      const ended = new Promise((done) => server.once('close', done))
      server.kill('SIGKILL')
      await ended
    },
  }
}
