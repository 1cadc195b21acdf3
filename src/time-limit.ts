// A limit to synchronous work on text from outside: patterns of a tokenizer, a template. Ends even a single pattern.
import { createContext, Script } from 'node:vm'

const context = createContext({ work: undefined as unknown })
const call = new Script('work()')

/**
 * @param milliseconds after which the work is ended, in the middle of whatever it does
 * @param late throws the error that says so
 * @throws what the work throws
 */
export function within<T>(milliseconds: number, work: () => T, late: () => never): T {
  context.work = work
  try {
    return call.runInContext(context, { timeout: milliseconds }) as T
  } catch (error) {
    if ((error as { code?: unknown } | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return late()
    throw error
  }
}
