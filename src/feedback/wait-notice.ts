// Tells that an endpoint is being waited for, and why, so that a stage that waits is not taken for one that hangs. No wait
// is without end: requests have a time limit, and so have the pauses between them.

const EVERY_MS = 10_000

export interface WaitNotice {
  /** Waits are told while `work` runs. */
  during<T>(work: () => Promise<T>): Promise<T>
  /** An answer came. */
  answered(): void
  /** A request failed, or a pause was asked for. */
  because(reason: string): void
}

/** @param onWait called every ten seconds in which no answer came */
export function openWaitNotice(onWait: (reason: string) => void, everyMs = EVERY_MS): WaitNotice {
  let outstanding = 0
  let answeredAt = 0
  let reason = ''
  let timer: NodeJS.Timeout | undefined
  const tell = () => {
    if (Date.now() - answeredAt >= everyMs) onWait(reason || 'no answer yet')
  }
  return {
    async during(work) {
      timer ??= setInterval(tell, everyMs)
      outstanding++
      try {
        return await work()
      } finally {
        if (--outstanding === 0) {
          clearInterval(timer)
          timer = undefined
        }
      }
    },
    answered() {
      ;[answeredAt, reason] = [Date.now(), '']
    },
    because: (why) => void (reason = why),
  }
}
