// Who computes a stage: trials that start together ask for the same one (../file-lock.ts). In a bucket, the lock is an
// object.
import { randomUUID } from 'node:crypto'
import { STALE_MS, type LockPlace } from '../file-lock'
import type { Bucket } from './bucket'

/**
 * The store's folder of locks keeps this name from before they were called locks: workers of older versions look there
 * too.
 */
export const LOCKS_FOLDER = 'claims'

/**
 * Written under conditions on the object's tag, so that one process gets it. The lock is stale by the waiting process's
 * own clock: it has seen the same tag for too long.
 */
export function bucketLock(bucket: Bucket, key: string): LockPlace {
  const owner = randomUUID()
  const text = () => JSON.stringify({ owner, at: new Date().toISOString() })
  /** The lock's tag if this process holds it: a write may have arrived whose answer did not. */
  const ownTag = async () => {
    const current = await bucket.read(key)
    return current?.text.includes(owner) ? current.tag : undefined
  }
  let seen: { tag: string; since: number } | undefined
  return {
    async tryAcquire() {
      const current = await bucket.tagOf(key)
      if (current !== undefined && current !== seen?.tag) seen = { tag: current, since: Date.now() }
      if (current !== undefined && Date.now() - seen!.since <= STALE_MS) return undefined
      const written = await bucket.write(key, text(), current === undefined ? 'absent' : { tag: current })
      let tag = written ?? (await ownTag())
      if (tag === undefined) return undefined
      return {
        async touch() {
          // not written when another process took it over while this one could not touch it: both compute
          const touched = await bucket.write(key, text(), { tag: tag! }).catch(() => undefined)
          tag = touched ?? (await ownTag().catch(() => undefined)) ?? tag
        },
        async release() {
          if ((await ownTag()) !== undefined) await bucket.remove([key])
        },
      }
    },
  }
}
