// Files and folders that a command makes: whole under their names or not at all, however the command ends.
import { renameSync, rmSync } from 'node:fs'
import { setImmediate as signalsArrive } from 'node:timers/promises'
import { exitCode } from '../contracts/exit-codes'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * @param target a file or a folder
 * @param make writes it under the name that it is given
 * @returns what `make` returns
 */
export async function madeWhole<T>(target: string, make: (staging: string) => T | Promise<T>): Promise<T> {
  const staging = `${target}.partial-${process.pid}`
  const remove = () => rmSync(staging, { recursive: true, force: true })
  const end = () => {
    remove()
    process.exit(exitCode('interrupted'))
  }
  for (const signal of SIGNALS) process.once(signal, end)
  try {
    const made = await make(staging)
    await signalsArrive() // those of a time in which nothing else was looked at
    renameSync(staging, target)
    return made
  } catch (error) {
    const fault = error as NodeJS.ErrnoException
    if (fault.path?.startsWith(staging)) fault.path = target + fault.path.slice(staging.length) // as it was given
    throw fault
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, end)
    remove()
  }
}
