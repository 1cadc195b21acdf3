// `rlaif studio`, and the studio of `rlaif start` and `rlaif up`.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { InvalidInput } from '../contracts/parse'
import type { Connected } from '../runs/connection'
import { STUDIO_PORT } from '../studio/port'
import { openStudio, type StudioAddress } from '../studio/server'
import { openHome } from '../workers/home'
import { print, printAside } from './terminal'
import { untilStopped } from './until-stopped'

const HOST = '127.0.0.1'

const close = (server: Server): void => {
  server.close()
  server.closeAllConnections()
}

/** Serves the studio until Ctrl-C. */
export async function studio(connected: Connected, home: string, address: StudioAddress): Promise<number> {
  const { host, url } = address
  if (url !== undefined && !URL.canParse(url)) throw new InvalidInput(`--url got "${url}"; it must be an https:// URL`)
  openHome(home)
  const server = await openStudio({ connected, home }, address)
  const { port } = server.address() as AddressInfo
  print(`Studio ${url?.replace(/\/$/, '') ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`}`)
  print(`Temporal ${connected.address}, namespace ${connected.namespace}. Ctrl-C ends the studio, and no run.`)
  await untilStopped()
  close(server)
  return 0
}

/** The studio of a local stack. */
export interface StackStudio {
  url: string | undefined
  close(): void
}

/** At its usual port, or at any free one; without it, and with a word why, where it may not run without a token. */
export async function openStackStudio(connected: Connected, home: string): Promise<StackStudio> {
  try {
    const at = (port: number) => openStudio({ connected, home }, { host: HOST, port })
    const server = await at(STUDIO_PORT).catch(() => at(0))
    return { url: `http://${HOST}:${(server.address() as AddressInfo).port}`, close: () => close(server) }
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    printAside(error.message)
    return { url: undefined, close: () => {} }
  }
}
