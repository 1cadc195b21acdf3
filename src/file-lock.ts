// Who does a piece of work that several processes, perhaps of several machines, are asked for at the same moment: it is
// done once. They share nothing but where its result goes, so the lock is there, and its holder touches it while it
// works. A holder that was killed touches it no more, and the next one takes it over.
import { randomUUID } from 'node:crypto'
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Less than the heartbeat timeout after which Temporal gives a stage to another worker. */
export const STALE_MS = 15_000
const TOUCH_MS = 3_000
const POLL_MS = 500

export interface Lock {
  /** Another process had it first, and may have finished the work. */
  waited: boolean
  release(): Promise<void>
}

/** A lock that this process holds. */
export interface HeldLock {
  touch(): Promise<void>
  release(): Promise<void>
}

/** Where one lock is. */
export interface LockPlace {
  /** The lock, if nobody holds it or its holder is gone: of several that try at once, one gets it. */
  tryAcquire(): Promise<HeldLock | undefined>
}

/**
 * @param onWait called once when another process holds it
 * @throws the signal's reason when it aborts
 */
export async function acquireLock(
  place: LockPlace,
  signal: AbortSignal | undefined,
  onWait: () => void,
): Promise<Lock> {
  for (let waited = false; ; waited = true) {
    const held = await place.tryAcquire()
    if (held) return keptTouched(held, waited)
    if (!waited) onWait()
    await pause(POLL_MS, undefined, signal && { signal })
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
