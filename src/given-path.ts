// The files of this machine that an input names: a dataset, a task's folder, a model's folder. Whoever starts a run
// names them, and the worker reads them with its own rights; so a name is followed only to regular files, below
// RLAIF_DATA_ROOTS if the operator has set it, and a file of a named folder must really lie in that folder.
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, dirname, join, resolve, sep } from 'node:path'
import { MOST_CONFIG_BYTES } from './bounded-file'
import { isStrict } from './strict'

export const DATA_ROOTS = 'RLAIF_DATA_ROOTS'

/** An input names a file that it may not name; another attempt cannot help. */
export class PathRefused extends Error {
  override name = 'PathRefused'
}

/** Where the kernel shows processes, with their environments, and devices. */
const NEVER = ['/proc', '/dev', '/sys']

const isWithin = (folder: string, path: string) =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

function realOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** Folders below which inputs may name files; undefined: anywhere. */
function dataRoots(): string[] | undefined {
  const given = process.env[DATA_ROOTS]
  if (given)
    return given
      .split(delimiter)
      .filter(Boolean)
      .map((folder) => resolve(folder))
  return isStrict() ? [] : undefined
}

/**
 * Whether an input may name a path is decided before anything is looked up there, so that no answer tells what exists
 * outside; and again for what it really is, once links are followed.
 * @param what names it, for the message
 * @returns the absolute path
 * @throws PathRefused
 */
export function checkGivenPath(path: string, what: string): string {
  const absolute = resolve(path)
  const roots = dataRoots()
  const isAllowed = (real: string) =>
    !NEVER.some((folder) => isWithin(folder, real)) &&
    (roots === undefined || roots.some((root) => isWithin(root, real) || isWithin(realOf(root), real)))
  if (isAllowed(absolute) && isAllowed(realOf(absolute))) return absolute
  throw new PathRefused(
    `${what}: "${path}" may not be named by an input on this worker; ` +
      (roots?.length === 0
        ? `RLAIF_STRICT is set without ${DATA_ROOTS}, so no file may: the operator sets its folders there`
        : roots
          ? `name a file below one of the folders of ${DATA_ROOTS}, which the operator sets`
          : `name a file outside ${NEVER.join(', ')}`),
  )
}

/** A file that is open: whatever happens to its name, `path` and `handle` lead to what was checked. */
export interface OpenedFile {
  handle: number
  path: string
}

/**
 * Opens a regular file, calls `use` and closes it. Nothing else is ever opened: a named pipe would block the worker, a
 * device would act.
 * @param within the folder that the file must really lie in
 * @throws PathRefused
 */
export async function withFile<T>(
  file: string,
  within: string | undefined,
  use: (opened: OpenedFile) => T | Promise<T>,
): Promise<T> {
  const handle = openChecked(file, within)
  try {
    return await use({ handle, path: process.platform === 'linux' ? `/proc/self/fd/${handle}` : realpathSync(file) })
  } finally {
    closeSync(handle)
  }
}

/** The bytes of a regular file that people write. @param within the folder that it must really lie in @throws PathRefused */
export function readGivenFile(file: string, within?: string): Buffer {
  const handle = openChecked(file, within)
  try {
    if (fstatSync(handle).size > MOST_CONFIG_BYTES)
      throw new PathRefused(`${file} has more than the ${MOST_CONFIG_BYTES} bytes that a file of a task may have`)
    return readFileSync(handle)
  } finally {
    closeSync(handle)
  }
}

function openChecked(file: string, within: string | undefined): number {
  const real = checkFile(file, within)
  const handle = openSync(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  const [opened, now] = [fstatSync(handle), statSync(checkFile(file, within))]
  if (opened.isFile() && opened.ino === now.ino && opened.dev === now.dev) return handle
  closeSync(handle)
  throw new PathRefused(`${file} was replaced while it was opened; it is not read`)
}

/** @returns the real path of a file that may be read @throws PathRefused */
export function checkFile(file: string, within?: string): string {
  const real = realpathSync(file)
  if (within !== undefined && !homesOf(within).some((home) => isWithin(home, real)))
    throw new PathRefused(`${file} is a link that leads out of ${within}; put the file itself there`)
  if (!lstatSync(real).isFile()) throw new PathRefused(`${file} is not a regular file; only such files are read`)
  return real
}

/**
 * Where the files of a folder may really lie: in it, and for a snapshot in the cache of the Hugging Face Hub also among
 * the blobs of its repository, which is how that cache is laid out (models--owner--name/snapshots/<commit>/ links to
 * models--owner--name/blobs/).
 */
function homesOf(folder: string): string[] {
  const real = realpathSync(folder)
  const repository = dirname(dirname(real))
  const isSnapshot = basename(dirname(real)) === 'snapshots' && /^(models|datasets)--/.test(basename(repository))
  return isSnapshot ? [real, join(repository, 'blobs')] : [real]
}
