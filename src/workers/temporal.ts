// Which Temporal server, and how to speak to it: address, namespace, TLS, API key. From the variables and the configuration file that
// Temporal's own tools read (TEMPORAL_ADDRESS, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE, TEMPORAL_TLS_…, TEMPORAL_API_KEY).
import { loadClientConnectConfig } from '@temporalio/envconfig'
import type { NativeConnectionOptions } from '@temporalio/worker'
import { InvalidInput } from '../contracts/parse'

export interface TemporalServer {
  connection: NativeConnectionOptions & { address: string }
  namespace: string
}

/** Any of these names a server; without one there is a local server, or none. */
const NAMING = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE']

/** @throws InvalidInput when what is configured cannot be used */
export function configuredServer(): TemporalServer | undefined {
  const naming = NAMING.filter((name) => process.env[name])
  if (naming.length === 0) return undefined
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig()
    const { address } = connectionOptions
    if (!address) throw new Error('it names no address')
    return { connection: { ...connectionOptions, address }, namespace: namespace || 'default' }
  } catch (error) {
    throw new InvalidInput(
      `Temporal's configuration by ${naming.join(', ')} cannot be used: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

/** A server of this machine, spoken to as it is. */
export const localServer = (address: string): TemporalServer => ({
  connection: { address },
  namespace: process.env.TEMPORAL_NAMESPACE || 'default',
})
