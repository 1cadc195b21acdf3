// What the operating system refused, as a person should read it: what it is about, and the remedy.
import { readFileSync } from 'node:fs'
import { InvalidInput } from '../contracts/parse'
import { withoutMark } from '../text-file'

const PORT_TAKEN = 'another process has it; choose another port'

/** By the system's error code: what is wrong, and the remedy. */
const FAULTS: Record<string, string> = {
  ENOENT: 'does not exist; check the path',
  ENOTDIR: 'leads through a file that is no folder; check the path',
  EISDIR: 'is a folder; name a file in it',
  EEXIST: 'already exists; name a new one',
  ENOTEMPTY: 'is a folder that is not empty; name a new one',
  EACCES: 'may not be read or written by this user; change its permissions, or name another place',
  EPERM: 'may not be changed by this user; change its permissions, or name another place',
  EROFS: 'is on a read-only file system; name another place',
  ENOSPC: 'is on a disk that is full; free some space, or name another place',
  EDQUOT: 'is over the quota of this user; free some space, or name another place',
  ENAMETOOLONG: 'is too long for a path; name a shorter one',
  ELOOP: 'is a link that leads to itself; check the path',
  EMFILE: 'cannot be opened: this process has too many open files; raise the limit (`ulimit -n`)',
}

/** Faults of a path that a person gave. */
const OF_PATHS = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY', 'ENAMETOOLONG', 'ELOOP'])

/** Whether another path would help. */
export const isPathFault = (error: unknown): boolean => OF_PATHS.has(systemCode(error) ?? '')

/** The system's code of an error, if it comes from the operating system. */
const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'syscall' in error ? (error as NodeJS.ErrnoException).code : undefined

/** @returns undefined for an error that is not the operating system's, or that it says nothing better about */
export function systemFault(error: unknown): string | undefined {
  const code = systemCode(error)
  if (code === undefined) return undefined
  const { path, dest, address, port } = error as NodeJS.ErrnoException & {
    dest?: string
    address?: string
    port?: number
  }
  if (code === 'EADDRINUSE' && port !== undefined) return `${address ?? ''}:${port} cannot be used: ${PORT_TAKEN}`
  const fault = FAULTS[code]
  const named = dest ?? path
  if (fault === undefined || named === undefined)
    return code === 'ENOSPC' ? 'the disk is full; free some space' : undefined
  return `${named} ${fault}`
}

/** The text of a file that a person named. @throws InvalidInput with the remedy */
export function readTextFile(file: string): string {
  try {
    return withoutMark(readFileSync(file, 'utf8'))
  } catch (error) {
    const fault = systemFault(Object.assign(error as Error, { path: file }))
    throw fault === undefined ? error : new InvalidInput(fault, { cause: error })
  }
}
