// When a stage stops because an endpoint refuses its questions: at the first few if none was answered, else when it
// refuses more than nine of ten. A single refusal fails its question alone.

/** Refusals before any answer after which there will be none. */
const FIRST_FEW = 5
/** Refusals about key or payment in a row: after answers, a key may just be replaced. */
const OF_THE_ACCOUNT = 3
/** Refusals that one answer outweighs. */
const OUTWEIGHED = 9

export interface RefusalCount {
  answered(): void
  /**
   * @param isAccount whether it is about the key or payment, which no question is without
   * @returns how many refusals are enough to stop, or undefined if they are not
   */
  refused(isAccount: boolean): number | undefined
}

/** @param mostInARow refusals that stop a stage whose endpoint has answered */
export function countRefusals(mostInARow: number): RefusalCount {
  let hasAnswered = false
  let weight = 0
  let ofAccount = 0
  let total = 0
  return {
    answered() {
      hasAnswered = true
      weight = Math.max(0, weight - OUTWEIGHED)
      ofAccount = 0
    },
    refused(isAccount) {
      weight++
      total++
      ofAccount = isAccount ? ofAccount + 1 : 0
      const most = hasAnswered ? mostInARow : Math.min(FIRST_FEW, mostInARow)
      const isEnough = weight >= most || (isAccount && (!hasAnswered || ofAccount >= OF_THE_ACCOUNT))
      return isEnough ? total : undefined
    },
  }
}
