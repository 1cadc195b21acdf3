// A client of the Temporal server that a command talks to.
import { Client, Connection } from '@temporalio/client'
import { isStrict } from '../strict'
import { encryptingConverter } from '../workers/payload-encryption'
import { homeFolder } from '../workers/home'
import { configuredServer, localServer } from '../workers/temporal'
import { startTracing } from '../workers/tracing'
import { NoServer } from './reason'
import { otherHomes } from './other-homes'
import { isItself, runningServer, type ServerRecord } from './server-record'

const DEFAULT_ADDRESS = '127.0.0.1:7233'

export interface Connected {
  client: Client
  address: string
  namespace: string
  ui: string | undefined
  close(): Promise<void>
}

/**
 * @param address address of a local server; default: the configured server (workers/temporal.ts), else this home's
 * running one, else Temporal's default port
 */
export async function connect(home: string, address?: string): Promise<Connected> {
  const running = await ownServer(home)
  const { connection: options, namespace } =
    (address === undefined ? configuredServer() : undefined) ??
    localServer(address ?? running?.address ?? defaultAddress(home))
  const target = options.address
  const dataConverter = encryptingConverter()
  const tracing = await startTracing()
  try {
    const connection = await Connection.connect({ ...options, connectTimeout: 5000 })
    const ui = process.env.TEMPORAL_UI_URL ?? (running?.address === target ? running.ui : undefined)
    const client = new Client({
      connection,
      namespace,
      ...(dataConverter && { dataConverter }),
      ...(tracing && { interceptors: tracing.interceptors }),
    })
    const close = async () => {
      await connection.close()
      await tracing?.flush()
    }
    return { client, address: target, namespace, ui, close }
  } catch (error) {
    throw new NoServer(
      `no Temporal server answers at ${target} (${(error as Error).message}); ` +
        `start one with \`rlaif up\`, or set TEMPORAL_ADDRESS${remedyOfOthers(home)}`,
      { cause: error },
    )
  }
}

/**
 * Where a server that this home did not start may be: of another home, which is then said, or of another user, so that
 * it is not used where the machine is shared.
 */
function defaultAddress(home: string): string {
  if (isStrict())
    throw new NoServer(
      'no Temporal server of this home runs, and RLAIF_STRICT=1 uses no other one; ' +
        'start one with `rlaif up`, or set TEMPORAL_ADDRESS',
    )
  for (const other of otherHomes(home).filter(({ address }) => address === DEFAULT_ADDRESS))
    process.stderr.write(
      `rlaif: no server of this home (${home}) runs; this is the one of ${other.home}. ` +
        `To find its artifacts and reports, set RLAIF_HOME=${other.home}; to start one here: \`rlaif up\`\n`,
    )
  return DEFAULT_ADDRESS
}

const remedyOfOthers = (home: string): string =>
  otherHomes(home)
    .map((other) => `; RLAIF_HOME=${other.home} has one at ${other.address}`)
    .join('')

/** This home's running server, unless another one has its address now. */
async function ownServer(home: string): Promise<ServerRecord | undefined> {
  const running = runningServer(home)
  return running && (await isItself(running)) ? running : undefined
}

/** Calls `use` with a connection that is closed afterwards. */
export async function withConnection<T>(use: (connected: Connected) => Promise<T>): Promise<T> {
  const connected = await connect(homeFolder())
  try {
    return await use(connected)
  } finally {
    await connected.close()
  }
}

/** The UI's page of a run. */
export function runPage(
  { ui, namespace }: Pick<Connected, 'ui' | 'namespace'>,
  workflowId: string,
  runId: string,
): string | undefined {
  return ui && `${ui}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}`
}
