// How well each way of asking a labeler agrees with people, on the same pairs (paper §4.4, Table 2; §2.1.1 and Table 4 for the slots).
import { binomialTest, mcnemarTest, wilson, type Share } from './statistics'

/** One pair that people decided, as one variant judged it. */
export interface Judgement {
  id: string
  /** Which response people preferred. */
  preferred: 1 | 2
  preferFirst?: number
  slotOne?: number[]
  failed?: string
  tooLong?: boolean
}

export interface VariantResult {
  name: string
  agreement: Share
  /** Pairs in which the same slot won in both orders. */
  sameSlot: Share
  /** Of those, how often it was the first; and the p-value of a fair coin. */
  leanToFirst: Share
  leanP: number
  failed: number
  tooLong: number
  /** Paired with the first variant, on the pairs both judged: the p-value of McNemar's exact test. */
  againstFirstP: number | undefined
}

const agrees = ({ preferFirst, preferred }: Judgement): boolean | undefined =>
  preferFirst === undefined ? undefined : preferFirst > 0.5 === (preferred === 1)

export function variantResult(
  name: string,
  judgements: readonly Judgement[],
  first?: readonly Judgement[],
): VariantResult {
  const judged = judgements.filter(({ preferFirst }) => preferFirst !== undefined)
  const bothOrders = judged.flatMap(({ slotOne }) => (slotOne?.length === 2 ? [slotOne as [number, number]] : []))
  const same = bothOrders.filter(([straight, swapped]) => straight > 0.5 === swapped > 0.5)
  const toFirst = same.filter(([straight]) => straight > 0.5).length
  return {
    name,
    agreement: wilson(judged.filter(agrees).length, judged.length),
    sameSlot: wilson(same.length, bothOrders.length),
    leanToFirst: wilson(toFirst, same.length),
    leanP: binomialTest(toFirst, same.length),
    failed: judgements.filter(({ failed, tooLong }) => failed !== undefined && !tooLong).length,
    tooLong: judgements.filter(({ tooLong }) => tooLong).length,
    againstFirstP: first && pairedP(first, judgements),
  }
}

function pairedP(first: readonly Judgement[], other: readonly Judgement[]): number {
  const byId = new Map(first.map((judgement) => [judgement.id, agrees(judgement)]))
  const pairs = other
    .map((judgement) => [byId.get(judgement.id), agrees(judgement)] as const)
    .filter(([a, b]) => a !== undefined && b !== undefined)
  return mcnemarTest(pairs.filter(([a, b]) => a && !b).length, pairs.filter(([a, b]) => !a && b).length)
}
