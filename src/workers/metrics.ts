// What Prometheus scrapes from a worker: this project's metrics (activities/metrics.ts) and those of Temporal's SDK, at
// one address.
import { createServer, type Server } from 'node:http'
import { collectDefaultMetrics, register } from 'prom-client'
import { InvalidInput } from '../contracts/parse'
import { answerInText } from '../http/answer'
import { ask } from '../http/ask'
import { LOOPBACK, refusalByOrigin } from '../http/guard'
import { hasToken, tokenOf } from '../http/token'

export const METRICS_TOKEN = 'RLAIF_METRICS_TOKEN'

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

/**
 * The token that a scrape must send, undefined for none.
 * @param open whether other machines may read the metrics without one
 * @throws InvalidInput when one is needed and not set
 */
export function metricsToken({ host }: MetricsAddress, open: boolean): string | undefined {
  const needed = `--metrics ${host} lets other machines read the metrics: allow it with --metrics-open or ask for a token`
  return tokenOf(METRICS_TOKEN, 'worker', LOOPBACK.has(host) || open ? undefined : needed)
}

/**
 * @param sdkPort port of the SDK's own endpoint on this machine
 * @param token sent by whoever may read, as `Authorization: Bearer …`; undefined: everyone may
 */
export function serveMetrics({ host, port }: MetricsAddress, sdkPort: number, token?: string): Promise<Server> {
  collectDefaultMetrics({ prefix: 'rlaif_worker_' })
  const server = createServer((request, response) => {
    const foreign = refusalByOrigin(request, { address: host })
    if (foreign) return answerInText(response, foreign.status, `metrics: ${foreign.reason}\n`)
    if (request.url !== '/metrics') return void response.writeHead(404).end()
    if (!hasToken(request, token))
      return answerInText(response, 401, `metrics: the token of ${METRICS_TOKEN} is missing or wrong\n`)
    Promise.all([register.metrics(), metricsOfSdk(sdkPort)]).then(
      (parts) => response.writeHead(200, { 'content-type': register.contentType }).end(parts.join('\n')),
      (error: Error) => answerInText(response, 500, error.message),
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
  ask(port, '/metrics').then(
    ({ text }) => text,
    () => '',
  )
