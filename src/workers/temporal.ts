// Which Temporal server to connect to, and how: address, namespace, TLS, API key. From the variables and the
// configuration file that Temporal's own tools read (TEMPORAL_ADDRESS, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE,
// TEMPORAL_TLS_…, TEMPORAL_API_KEY).
import { loadClientConnectConfig } from '@temporalio/envconfig'
import type { NativeConnectionOptions } from '@temporalio/worker'
import { InvalidInput } from '../contracts/parse'

export interface TemporalServer {
  connection: NativeConnectionOptions & { address: string }
  namespace: string
}

/** Variables that configure a server; with none of them set, a local server is used. */
const CONFIGURING = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE']

/** @throws InvalidInput when what is configured cannot be used */
export function configuredServer(): TemporalServer | undefined {
  const variables = CONFIGURING.filter((name) => process.env[name])
  if (variables.length === 0) return undefined
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig()
    const { address } = connectionOptions
    if (!address) throw new Error('it contains no address')
    return { connection: { ...connectionOptions, address }, namespace: namespace || 'default' }
  } catch (error) {
    throw new InvalidInput(
      `the Temporal configuration of ${variables.join(', ')} cannot be used: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

/** A server on this machine, without TLS. */
export const localServer = (address: string): TemporalServer => ({
  connection: { address },
  namespace: process.env.TEMPORAL_NAMESPACE || 'default',
})
