// Files from outside that are read as a whole: no larger than what such a file may be.
import { readFileSync, statSync } from 'node:fs'

/** Of config.json and the like, which people write; the largest hold a chat template or the names of all weights. */
export const MOST_CONFIG_BYTES = 16 * 2 ** 20

/**
 * @param mostBytes largest size of such a file
 * @throws naming file, size and limit when it is larger
 */
export function readBounded(file: string, mostBytes: number): Buffer {
  const { size } = statSync(file)
  if (size > mostBytes) throw new Error(tooLarge(file, size, mostBytes))
  const bytes = readFileSync(file)
  if (bytes.length > mostBytes) throw new Error(tooLarge(file, bytes.length, mostBytes)) // a pipe or device has no size
  return bytes
}

export const readTextBounded = (file: string, mostBytes: number): string =>
  readBounded(file, mostBytes).toString('utf8')

const tooLarge = (file: string, size: number, mostBytes: number) =>
  `${file} has ${size} bytes, more than the ${mostBytes} that such a file may have`
