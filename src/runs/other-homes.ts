// The local Temporal servers of this user's other homes: a person who works in another folder would otherwise get a second
// server and a second store without a word. Found among the processes of this machine by the database that each opens.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isAlive, recordOf, type ServerRecord } from './server-record'

const PROCESSES = '/proc'

export interface OtherHome extends Pick<ServerRecord, 'address' | 'ui'> {
  home: string
}

/** The homes, other than this one, whose server runs; those of other users are not seen. */
export function otherHomes(home: string): OtherHome[] {
  if (!existsSync(PROCESSES)) return []
  const homes = new Set(
    readdirSync(PROCESSES)
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => homeServedBy(join(PROCESSES, pid)))
      .filter((found) => found !== undefined),
  )
  return [...homes].filter((other) => other !== home).flatMap(recorded)
}

/** The home whose database a process was started with as a Temporal server. */
function homeServedBy(process: string): string | undefined {
  const words = argumentsOf(process)
  const database = words[words.indexOf('--db-filename') + 1]
  return words.includes('start-dev') && database !== undefined && basename(database) === 'temporal.db'
    ? dirname(database)
    : undefined
}

function argumentsOf(process: string): string[] {
  try {
    return readFileSync(join(process, 'cmdline'), 'utf8').split('\0')
  } catch {
    return [] // it has ended
  }
}

function recorded(home: string): OtherHome[] {
  try {
    const { pid, address, ui } = recordOf(home)
    return isAlive(pid) ? [{ home, address, ui }] : []
  } catch {
    return [] // of another user, or of another version
  }
}

/** What a person who starts or uses this home should know of the others. */
export const otherHomesNote = (others: readonly OtherHome[]): string[] =>
  others.flatMap(({ home, address, ui }) => [
    `Another home has a server too: ${home} (Temporal ${address}, UI ${ui}); its runs and artifacts are not seen here.`,
    `  To use that one: RLAIF_HOME=${home}`,
  ])
