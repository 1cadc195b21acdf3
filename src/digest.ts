// SHA-256 digests: of a file, streamed, and of what is in memory.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

export const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex')

export async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

/** How a digest is named among what a stage has read. */
export const sha256Name = (digest: string): string => `sha256:${digest}`

/** A file changed between the look for finished work and the reading: another attempt looks again. */
export class ChangedWhileRead extends Error {
  override name = 'ChangedWhileRead'
}

/**
 * @param read names what was read
 * @param expected how it was named when the stage looked for finished work; undefined where nothing was looked at
 * @throws ChangedWhileRead
 */
export function refuseChanged(read: string, expected: string | undefined, found: string): void {
  if (expected !== undefined && found !== expected)
    throw new ChangedWhileRead(
      `${read} changed while it was read (${expected}, now ${found}); the next attempt reads it again`,
    )
}
