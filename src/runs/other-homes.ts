// The local Temporal servers of this user's other homes: a person who works in another folder would otherwise get a
// second server and a second store without a word. Found among the processes of this machine by the database that each
// opens.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isAlive, recordOf, type ServerRecord } from './server-record'

const PROCESSES = '/proc'

export interface OtherHome extends Pick<ServerRecord, 'address'> {
  home: string
  /** Undefined where the process that served it has ended: another home may have its port now. */
  ui: string | undefined
}

/** The homes, other than this one, whose server runs; those of other users are not seen. */
export function otherHomes(home: string): OtherHome[] {
  if (!existsSync(PROCESSES)) return []
  const servers = new Map<string, number[]>()
  for (const pid of readdirSync(PROCESSES).filter((name) => /^\d+$/.test(name))) {
    const found = homeServedBy(join(PROCESSES, pid))
    if (found !== undefined && found !== home) servers.set(found, [...(servers.get(found) ?? []), Number(pid)])
  }
  return [...servers].flatMap(([other, pids]) => recorded(other, pids))
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

/** @param pids of the servers of the home's database: a record that is of none of them is of one that has ended */
function recorded(home: string, pids: readonly number[]): OtherHome[] {
  try {
    const { pid, owner, address, ui } = recordOf(home)
    return pids.includes(pid) ? [{ home, address, ui: isAlive(owner) ? ui : undefined }] : []
  } catch {
    return [] // of another user, or of another version
  }
}

/** What a person who starts or uses this home should know of the others. */
export const otherHomesNote = (others: readonly OtherHome[]): string[] =>
  others.flatMap(({ home, address, ui }) => [
    `Another home has a server too: ${home} (Temporal ${address}, ${ui ? `UI ${ui}` : 'whose workers and UI have ended'}); ` +
      'its runs and artifacts are not seen here.',
    `  To use that one: RLAIF_HOME=${home}`,
  ])
