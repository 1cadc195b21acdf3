// Who computes a piece of work: trials that start together ask for the same stage at the same moment, and it is
// computed once. Workers of several machines share nothing but the store, so the lock is there, and its holder touches
// it while it works. A holder that was killed touches it no more, and the next worker takes it over.
import { randomUUID } from 'node:crypto'
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bucket } from './bucket'

/**
 * The store's folder of locks keeps this name from before they were called locks: workers of older versions look there
 * too.
 */
export const LOCKS_FOLDER = 'claims'
/** Less than the heartbeat timeout after which Temporal gives a stage to another worker. */
const STALE_MS = 15_000
const TOUCH_MS = 3_000
const POLL_MS = 500

export interface Lock {
  /** Another process had it first, and may have finished the work. */
  waited: boolean
  release(): Promise<void>
}

/** A lock that this process holds. */
interface HeldLock {
  touch(): Promise<void>
  release(): Promise<void>
}

/** Where one lock is. */
export interface LockPlace {
  /** The lock, if nobody holds it or its holder is gone: of several that try at once, one gets it. */
  tryAcquire(): Promise<HeldLock | undefined>
}

/** @throws the signal's reason when it aborts */
export async function acquireLock(place: LockPlace, signal: AbortSignal, onWait: () => void): Promise<Lock> {
  for (let waited = false; ; waited = true) {
    const held = await place.tryAcquire()
    if (held) return keptTouched(held, waited)
    if (!waited) onWait()
    await pause(POLL_MS, undefined, { signal })
  }
}

function keptTouched({ touch, release }: HeldLock, waited: boolean): Lock {
  let last = Promise.resolve()
  const touching = setInterval(() => (last = touch()), TOUCH_MS)
  return {
    waited,
    async release() {
      clearInterval(touching)
      await last
      await release()
    },
  }
}

// ---- A lock that is a file

/** @param file whose existence is the lock; its folder is created */
export function fileLock(file: string): LockPlace {
  return {
    async tryAcquire() {
      mkdirSync(dirname(file), { recursive: true })
      if (isStale(file)) moveAside(file)
      if (!tryCreate(file)) return undefined
      return { touch: async () => touchFile(file), release: async () => rmSync(file, { force: true }) }
    },
  }
}

function tryCreate(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx'))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function touchFile(file: string): void {
  try {
    utimesSync(file, new Date(), new Date())
  } catch {
    // taken over while this process could not touch it, e.g. suspended: both compute, and the first to finish is kept
  }
}

/**
 * By the clock of this machine and the time another one wrote: clocks of one cluster are assumed to agree within
 * seconds.
 */
function isStale(file: string): boolean {
  try {
    return Date.now() - statSync(file).mtimeMs > STALE_MS
  } catch {
    return false // nobody holds it
  }
}

/** Of several processes that find the file stale, one succeeds in moving it. */
function moveAside(file: string): void {
  const aside = `${file}.${randomUUID()}`
  try {
    renameSync(file, aside)
    rmSync(aside, { force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

// ---- A lock that is an object of a bucket

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
