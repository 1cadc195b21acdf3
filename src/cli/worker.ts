// `rlaif worker`: workers of chosen roles beside a Temporal server that runs elsewhere.
import { InvalidInput } from '../contracts/parse'
import { homeFolder } from '../workers/home'
import { installWorkerLog } from '../workers/log'
import { roles, startWorkers, type Role } from '../workers/worker'
import { namespaceName } from './connection'
import { untilStopped } from './house'

export function parseRoles(given: string): Role[] {
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !roles.includes(name as Role))
  if (unknown !== undefined) throw new InvalidInput(`--roles got "${unknown}"; there are ${roles.join(', ')}`)
  return names as Role[]
}

export async function worker(wanted: readonly Role[]): Promise<number> {
  const address = process.env.TEMPORAL_ADDRESS
  if (!address) throw new InvalidInput('worker: TEMPORAL_ADDRESS is not set; set it to host:port of the Temporal server, or use `rlaif up` for a local one')
  installWorkerLog()
  const stopped = untilStopped()
  const workers = await startWorkers(wanted, { address, namespace: namespaceName(), home: homeFolder() })
  process.stdout.write(`workers ${wanted.join(', ')} take work from ${address}\n`)
  try {
    await Promise.race([stopped, workers.finished])
    return 0
  } finally {
    await workers.stop()
  }
}
