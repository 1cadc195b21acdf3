// How fast and how many requests go out: limits for each minute, a limit on concurrent requests, and pauses between
// tries.

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Exponential backoff with jitter, in milliseconds. */
export const backoff = (attempt: number) =>
  Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2)

/** Spreads an amount of work over each minute; without a limit nothing waits. */
export function rateLimiter(perMinute: number | undefined): (amount: number) => Promise<void> {
  let nextStart = 0
  return async (amount) => {
    if (perMinute === undefined) return
    const start = Math.max(Date.now(), nextStart)
    nextStart = start + (60_000 * amount) / perMinute
    await pause(start - Date.now())
  }
}

/** Runs at most `limit` pieces of work at a time, first come, first served. */
export function concurrencyLimiter(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= limit)
      await new Promise<void>((enter) => waiting.push(enter)) // whoever finishes passes the slot on
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
