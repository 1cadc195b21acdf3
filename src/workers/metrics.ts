// What Prometheus scrapes from a worker: this project's metrics (activities/metrics.ts) and those of Temporal's SDK, at
// one address.
import { createServer, type Server } from 'node:http'
import { createServer as createProbe, type AddressInfo } from 'node:net'
import { collectDefaultMetrics, register } from 'prom-client'
import { InvalidInput } from '../contracts/parse'

interface MetricsAddress {
  host: string
  port: number
}

/** @param given host:port @throws InvalidInput */
export function parseMetricsAddress(given: string): MetricsAddress {
  const [, host, port] = /^(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]|localhost):(\d{1,5})$/i.exec(given) ?? []
  if (host === undefined || Number(port) > 65535)
    throw new InvalidInput(`--metrics got "${given}"; it must be an address and a port, e.g. 127.0.0.1:9464`)
  return { host: host.replace(/[[\]]/g, ''), port: Number(port) }
}

/** A free port of this machine for the SDK's own endpoint. */
export function freeLoopbackPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createProbe().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

/** @param sdkPort port of the SDK's own endpoint on this machine */
export function serveMetrics({ host, port }: MetricsAddress, sdkPort: number): Promise<Server> {
  collectDefaultMetrics({ prefix: 'rlaif_worker_' })
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end()
    Promise.all([register.metrics(), metricsOfSdk(sdkPort)]).then(
      (parts) => response.writeHead(200, { 'content-type': register.contentType }).end(parts.join('\n')),
      (error: Error) => response.writeHead(500).end(error.message),
    )
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new InvalidInput(`--metrics ${host}:${port} cannot be used: ${error.message}`)),
    )
    server.listen(port, host, () => resolve(server))
  })
}

/** Empty until the SDK has started. */
const metricsOfSdk = (port: number): Promise<string> =>
  fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => '',
  )
