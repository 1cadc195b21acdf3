// Files and folders that no other user of this machine reads, whatever the umask says: RLAIF_HOME with its keys,
// records, logs and database.
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'

export const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700
const OTHERS = 0o007
const GROUP_AND_OTHERS = 0o077
const SET_GROUP = 0o2000
const STICKY = 0o1000

/**
 * Makes the folder, or tightens the one there is: group and others lose their access. A folder whose set-group-ID bit is
 * set is shared with its group on purpose, and only others lose theirs; one that belongs to another user is left alone,
 * and so is one for everybody, such as /tmp.
 * @param tell is told what was found open
 * @returns whether the folder is new
 */
export function privateFolder(folder: string, tell: (line: string) => void): boolean {
  const isNew = mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER }) !== undefined
  if (statSync(folder).mode & STICKY) tell(`${folder} is a folder for all users of this machine; use one of your own`)
  else if (tighten(folder) && !isNew)
    tell(`${folder} was open to other users of this machine; it is closed to them now`)
  return isNew
}

function tighten(path: string): boolean {
  const { mode, uid } = statSync(path)
  const open = mode & (mode & SET_GROUP ? OTHERS : GROUP_AND_OTHERS)
  if (process.getuid === undefined || uid !== process.getuid() || open === 0) return false
  chmodSync(path, mode & 0o7777 & ~open)
  return true
}

/** Tightens a file if it exists. */
export const privateFile = (file: string): void => void (existsSync(file) && tighten(file))

/** Writes the file whole or not at all: a full disk or a crash leaves the old one. @throws as the system does */
export const replacePrivateFile = (file: string, text: string): void =>
  withTemporary(file, text, (temporary) => renameSync(temporary, file))

/** Like `replacePrivateFile`, but keeps a file that is there, or that another process makes at the same moment. */
export const makePrivateFile = (file: string, text: string): void =>
  withTemporary(file, text, (temporary) => {
    try {
      linkSync(temporary, file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
      renameSync(temporary, file) // a file system without hard links
    }
  })

function withTemporary(file: string, text: string, place: (temporary: string) => void): void {
  const temporary = `${file}.${randomBytes(8).toString('hex')}`
  try {
    const descriptor = openSync(temporary, 'wx', PRIVATE_FILE)
    try {
      writeFileSync(descriptor, text)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    place(temporary)
  } finally {
    rmSync(temporary, { force: true })
  }
}
