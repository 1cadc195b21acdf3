// A limit to synchronous work on text from outside: patterns of a tokenizer, a template. Ends even a single pattern.
import { readFileSync } from 'node:fs'
import { createContext, Script } from 'node:vm'

const context = createContext({ work: undefined as unknown })
const call = new Script('work()')
/** Of a limit: what a clock and the count of processor time may differ by. */
const SLACK = 0.9
/** How many times as long the next wait is: as long as the work needs at the share of a processor that it got. */
const [LEAST_GROWTH, MOST_GROWTH] = [1.5, 10]

/**
 * The limit is one of processor time: on a busy machine, work that got less of it is begun anew with a longer wait.
 * Not for use inside its own work: what begins anew inside would count against the limit outside, which would then
 * speak of the wrong work.
 * @param milliseconds of processor time after which the work is ended, in the middle of whatever it does
 * @param work may be ended and begun anew: it changes nothing that lasts before it returns
 * @param late throws the error that says so
 * @throws what the work throws; when it stands inside another limit
 */
export function within<T>(milliseconds: number, work: () => T, late: () => never): T {
  if (context.work) throw new Error('a time limit inside another')
  for (let timeout = milliseconds; ;) {
    context.work = work
    const before = processorMs()
    try {
      return call.runInContext(context, { timeout }) as T
    } catch (error) {
      if ((error as { code?: unknown } | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    } finally {
      context.work = undefined
    }
    const got = processorMs() - before
    if (got >= SLACK * milliseconds) late()
    timeout = Math.ceil(timeout * Math.min(MOST_GROWTH, Math.max(LEAST_GROWTH, milliseconds / got)))
  }
}

/** Processor time of this thread, in milliseconds: garbage of earlier work is collected by others. */
function processorMs(): number {
  const ofThread = nanosecondsOfThread()
  if (ofThread > 0) return ofThread / 1e6
  const { user, system } = process.cpuUsage() // of the whole process, where the system does not tell
  return (user + system) / 1000
}

/** Not above 0 where the system does not count it. */
function nanosecondsOfThread(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0])
  } catch {
    return 0
  }
}
