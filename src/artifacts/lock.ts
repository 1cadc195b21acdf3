// Who computes a piece of work: trials that start together want the same stage at the same moment, and it is computed once. Workers of
// several machines meet in the store alone, so a claim lies there, and its owner touches it while it works. An owner that was killed
// touches no more, and the next one takes over.
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { randomUUID } from 'node:crypto'

/** Less than the heartbeat timeout after which Temporal gives a stage to another worker. */
export const STALE_MS = 15_000
const TOUCH_MS = 3_000
const LOOK_MS = 500

export interface Lock {
  /** Another had it first, and may have finished the work. */
  waited: boolean
  release(): Promise<void>
}

/** A claim of this process. */
export interface Held {
  touch(): Promise<void>
  release(): Promise<void>
}

/** Where one claim lies. */
export interface LockPlace {
  /** The claim, where nobody has it or its owner is gone: of several who try, one gets it. */
  tryTake(): Promise<Held | undefined>
}

/** @throws the signal's reason when it aborts */
export async function takeLock(place: LockPlace, signal: AbortSignal, onWait: () => void): Promise<Lock> {
  for (let waited = false; ; waited = true) {
    const held = await place.tryTake()
    if (held) return touched(held, waited)
    if (!waited) onWait()
    await pause(LOOK_MS, undefined, { signal })
  }
}

function touched({ touch, release }: Held, waited: boolean): Lock {
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

/** @param file of the claim; its folder is made */
export function fileLock(file: string): LockPlace {
  return {
    async tryTake() {
      mkdirSync(dirname(file), { recursive: true })
      if (isStale(file)) setAside(file)
      if (!created(file)) return undefined
      return { touch: async () => touchFile(file), release: async () => rmSync(file, { force: true }) }
    },
  }
}

function created(file: string): boolean {
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

/** By the clock of this machine and what another one wrote: clocks of one cluster are taken to agree within seconds. */
function isStale(file: string): boolean {
  try {
    return Date.now() - statSync(file).mtimeMs > STALE_MS
  } catch {
    return false // nobody has it
  }
}

/** Of several that find it stale, one succeeds in moving it. */
function setAside(file: string): void {
  const aside = `${file}.${randomUUID()}`
  try {
    renameSync(file, aside)
    rmSync(aside, { force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
