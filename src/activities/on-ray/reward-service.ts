// The labeler's scores for a job on Ray: while the stage waits, it serves them as `rlaif serve-reward` does. The job reads
// address and token from its folder before each request, so that whichever worker waits for it may serve it.
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { join } from 'node:path'
import { LOCAL, type RaySettings } from '../../contracts/engine'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import type { Task } from '../../data/task'
import { openRewardServer } from '../../feedback/reward-service'
import { replacePrivateFile } from '../../private-files'
import { openLabeler, type OpenedLabeler } from '../labeler'
import type { StageHost } from '../stage'

/** The host by which the cluster reaches this worker. Default: this machine's address on the way to the cluster. */
const HOST = 'RLAIF_REWARD_HOST'
/** The port; default: any that is free. */
const PORT = 'RLAIF_REWARD_PORT'
/** The token is of no use to another machine: what begins with a dot is not copied to a bucket (artifacts/mirror.ts). */
const FILE = '.reward-service.json'

export interface ServedLabeler extends OpenedLabeler {
  /** Why a score could not be given, if that is so. */
  failed(): Error | undefined
  close(): void
}

/** @param folder of the job */
export async function serveLabeler(
  input: StageInput<'rl'>,
  { task, folder }: { task: Task; folder: string },
  host: StageHost,
): Promise<ServedLabeler> {
  if (!input.labeler) throw new InvalidInput('rl: neither a reward model nor a labeler is given')
  const opened = await openLabeler(input.labeler, host, 'labeler')
  let failure: Error | undefined
  const token = randomBytes(32).toString('hex')
  const address = process.env[HOST]?.trim() || (await addressTowards(input.engine!.ray))
  const server = await openRewardServer(
    {
      ...{ task, labeler: opened.labeler, technique: opened.technique, context: 'labels', token },
      onOutage: (reason) => host.note(`waiting for the labeler: ${reason}`),
      onFailure: (error) => (failure ??= error),
    },
    Number(process.env[PORT] ?? 0),
    address,
  )
  const { port } = server.address() as AddressInfo
  const file = join(folder, FILE)
  replacePrivateFile(file, JSON.stringify({ url: `http://${inUrl(address)}:${port}`, token }))
  return {
    ...opened,
    failed: () => failure,
    close() {
      rmSync(file, { force: true })
      server.close()
      server.closeAllConnections()
    },
  }
}

const inUrl = (address: string) => (address.includes(':') ? `[${address}]` : address)

/** This machine's address as the cluster sees it: that of a connection to it. */
function addressTowards({ address }: RaySettings): Promise<string> {
  if (address === LOCAL) return Promise.resolve('127.0.0.1')
  const { hostname, port, protocol } = new URL(address)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (protocol === 'https:' ? 443 : 80)),
      timeout: 30_000,
    })
    const fail = (error: Error) => {
      socket.destroy()
      reject(new Error(`ray: ${address} does not answer (${error.message}); set ${HOST} where the worker runs`))
    }
    socket.once('connect', () => {
      resolve(socket.localAddress!)
      socket.destroy()
    })
    socket.once('timeout', () => fail(new Error('no answer within 30 s')))
    socket.once('error', fail)
  })
}
