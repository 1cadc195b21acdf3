// Who computes a piece of work: trials that start together want the same stage at the same moment, and it is computed once. Workers of
// several machines meet in the store alone, so a claim is a file there that its owner touches while it works. An owner that was killed
// touches no more, and the next one takes over.
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { randomUUID } from 'node:crypto'

/** Less than the heartbeat timeout after which Temporal gives a stage to another worker. */
const STALE_MS = 15_000
const TOUCH_MS = 3_000
const LOOK_MS = 500

export interface Claim {
  /** Another had it first, and may have finished the work. */
  waited: boolean
  release(): void
}

/** @param file of the claim; its folder is made @throws the signal's reason when it aborts */
export async function takeClaim(file: string, signal: AbortSignal, onWait: () => void): Promise<Claim> {
  mkdirSync(dirname(file), { recursive: true })
  for (let waited = false; ; waited = true) {
    if (created(file)) return held(file, waited)
    if (!waited) onWait()
    if (isStale(file)) setAside(file)
    else await pause(LOOK_MS, undefined, { signal })
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

function held(file: string, waited: boolean): Claim {
  const touching = setInterval(() => touch(file), TOUCH_MS)
  return {
    waited,
    release() {
      clearInterval(touching)
      rmSync(file, { force: true })
    },
  }
}

function touch(file: string): void {
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
    return false // released this moment
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
