// The digest of a file as it is now. That of a large file is kept in RLAIF_CACHE, by path, size, inode and the time of
// its last change, so that a run need not read gigabytes to find them unchanged.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { cacheFolder } from './cache-folder'
import { fileDigest } from './digest'

/** Smaller files are read each time. */
const LARGE = 8 * 2 ** 20
/** A file may change again within the resolution of its clock: a change this recent is no proof of what follows. */
const UNSETTLED_NS = 2_000_000_000n

const keptSchema = z.object({ identity: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })

/**
 * @param name under which the digest is kept; the path may be that of an open handle
 * @returns the SHA-256 of the file's content at this moment
 */
export async function currentDigest(path: string, name = path): Promise<string> {
  const before = lookAt(path)
  if (!before.isLarge) return fileDigest(path)
  const kept = before.isSettled ? keptFor(name) : undefined
  if (kept?.identity === before.identity) return kept.sha256
  const sha256 = await fileDigest(path)
  if (before.isSettled && lookAt(path).identity === before.identity) keep(name, { identity: before.identity, sha256 })
  return sha256
}

/**
 * @returns `identity`, which changes with the file's content: the time of the last change cannot be set back as that of
 * modification can; `isSettled`, whether the last change is long enough ago for that to hold
 */
export function lookAt(file: string): { identity: string; isLarge: boolean; isSettled: boolean } {
  const now = BigInt(Date.now()) * 1_000_000n
  const { size, dev, ino, ctimeNs } = statSync(file, { bigint: true })
  return {
    identity: [size, dev, ino, ctimeNs].join(' '),
    isLarge: size >= LARGE,
    isSettled: now - ctimeNs > UNSETTLED_NS,
  }
}

const keptFile = (file: string) =>
  join(cacheFolder(), 'digests', `${createHash('sha256').update(resolve(file)).digest('hex').slice(0, 32)}.json`)

function keptFor(file: string): z.infer<typeof keptSchema> | undefined {
  try {
    return keptSchema.parse(JSON.parse(readFileSync(keptFile(file), 'utf8')))
  } catch {
    return undefined // none, or cut short: the file is read
  }
}

function keep(file: string, kept: z.infer<typeof keptSchema>): void {
  const target = keptFile(file)
  try {
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(`${target}.${process.pid}`, JSON.stringify(kept))
    renameSync(`${target}.${process.pid}`, target)
  } catch {
    // a cache that cannot be written costs only time
  }
}
