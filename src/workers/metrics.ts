// What Prometheus scrapes from a worker: this project's metrics (activities/metrics.ts) and those of Temporal's SDK, at
// one address.
import type { Server } from 'node:http'
import { Hono } from 'hono'
import { collectDefaultMetrics, register } from 'prom-client'
import { InvalidInput } from '../contracts/parse'
import { ask } from '../http/ask'
import { LOOPBACK } from '../http/guard'
import { listen, refuseInText, type App } from '../http/server'
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
export async function serveMetrics({ host, port }: MetricsAddress, sdkPort: number, token?: string): Promise<Server> {
  collectDefaultMetrics({ prefix: 'rlaif_worker_' })
  const app: App = new Hono()
  app.get('/metrics', async (c) => {
    if (!hasToken(c.env.incoming, token))
      return c.text(`metrics: the token of ${METRICS_TOKEN} is missing or wrong\n`, 401)
    const parts = await Promise.all([register.metrics(), metricsOfSdk(sdkPort)])
    return c.body(parts.join('\n'), 200, { 'content-type': register.contentType })
  })
  app.onError((error, c) => c.text(error.message, 500))
  return listen(app, { port, door: { address: host }, refuse: refuseInText('metrics') }).catch((error: Error) => {
    throw new InvalidInput(`--metrics ${host}:${port} cannot be used: ${error.message}`)
  })
}

/** Empty until the SDK has started. */
const metricsOfSdk = (port: number): Promise<string> =>
  ask(port, '/metrics').then(
    ({ text }) => text,
    () => '',
  )
