// How well each labelling technique agrees with people, on the same pairs (paper §4.4, Table 2), and its position bias
// (§2.1.1, Table 4).
import { agreementWith } from './alignment'
import { calibration } from './calibration'
import { binomialTest, holm, mcnemarTest, wilson, type Share } from './statistics'

/** One pair that people decided, as one variant of the technique judged it. */
export interface Judgement {
  id: string
  /** Which response people preferred. */
  preferred: 1 | 2
  preferFirst?: number
  slotOne?: number[]
  failed?: string
  tooLong?: boolean
  /** Of a jury: what each member said. */
  members?: readonly ({ labeler: string } & Omit<Judgement, 'id' | 'preferred' | 'members'>)[]
  /** By a rubric: the preference by each criterion alone; null where the responses do not differ in it. */
  criteria?: Record<string, number | null>
}

export interface VariantResult {
  name: string
  agreement: Share
  /** In how many orders each pair was asked; 0: each response alone. Undefined where no pair was judged. */
  orders: number | undefined
  /** Pairs in which the same slot won in both orders. */
  sameSlot: Share
  /** Share of these in which it was the first slot, and the p-value against even chances. */
  leanToFirst: Share
  leanP: number
  failed: number
  tooLong: number
  /**
   * p-value of McNemar's exact test against the first variant, on the pairs that both judged; of several variants it
   * is to be corrected (`correctedVariants`).
   */
  againstFirstP: number | undefined
}

/** Undefined where there is no label, or one that prefers neither response. */
const agrees = ({ preferFirst, preferred }: Judgement): boolean | undefined =>
  preferFirst === undefined || preferFirst === 0.5 ? undefined : agreementWith(preferFirst, preferred) === 1

/** @param first judgements of the study's first variant, when this is another one */
export function variantResult(
  name: string,
  judgements: readonly Judgement[],
  first?: readonly Judgement[],
): VariantResult {
  const judged = judgements.filter(({ preferFirst }) => preferFirst !== undefined)
  const bothOrders = judged.flatMap(({ slotOne }) => (slotOne?.length === 2 ? [slotOne as [number, number]] : []))
  const sameSlot = bothOrders.filter(([original, swapped]) => original > 0.5 === swapped > 0.5)
  const firstSlot = sameSlot.filter(([original]) => original > 0.5).length
  return {
    name,
    agreement: wilson(
      judged.reduce((sum, { preferFirst, preferred }) => sum + agreementWith(preferFirst!, preferred), 0),
      judged.length,
    ),
    orders: judged[0]?.slotOne?.length,
    sameSlot: wilson(sameSlot.length, bothOrders.length),
    leanToFirst: wilson(firstSlot, sameSlot.length),
    leanP: binomialTest(firstSlot, sameSlot.length),
    failed: judgements.filter(({ failed, tooLong }) => failed !== undefined && !tooLong).length,
    tooLong: judgements.filter(({ tooLong }) => tooLong).length,
    againstFirstP: first && pValueAgainst(first, judgements),
  }
}

/** The judgements of each part of a variant alone: of the members of a jury, of the criteria of a rubric. */
export function partsOf(judgements: readonly Judgement[]): { name: string; judgements: Judgement[] }[] {
  const parts = new Map<string, Judgement[]>()
  const add = (name: string, judgement: Judgement) => parts.set(name, [...(parts.get(name) ?? []), judgement])
  for (const { id, preferred, members = [], criteria = {} } of judgements) {
    for (const { labeler, ...said } of members) add(labeler, { id, preferred, ...said })
    for (const [name, p] of Object.entries(criteria))
      add(`criterion ${name}`, { id, preferred, ...(p !== null && { preferFirst: p }) })
  }
  return [...parts].map(([name, ofPart]) => ({ name, judgements: ofPart }))
}

/** The expected calibration error of the labels against what people preferred; undefined where there is no label. */
export function calibrationErrorOf(judgements: readonly Judgement[]): number | undefined {
  const judged = judgements.flatMap(({ preferFirst, preferred }) =>
    preferFirst === undefined ? [] : [{ preferFirst, preferred }],
  )
  if (judged.length === 0) return undefined
  return calibration(
    judged.map(({ preferFirst }) => preferFirst),
    judged.map(({ preferred }) => Number(preferred === 1)),
  ).error
}

/** Corrects the p-values against the first variant over all variants of the study, by Holm's method. */
export function correctedVariants<T extends VariantResult>(variants: readonly T[]): T[] {
  const tested = variants.flatMap(({ againstFirstP }) => againstFirstP ?? [])
  const adjusted = holm(tested)
  return variants.map((variant) =>
    variant.againstFirstP === undefined ? variant : { ...variant, againstFirstP: adjusted.shift() },
  )
}

function pValueAgainst(first: readonly Judgement[], other: readonly Judgement[]): number {
  const byId = new Map(first.map((judgement) => [judgement.id, agrees(judgement)]))
  const pairs = other
    .map((judgement) => [byId.get(judgement.id), agrees(judgement)] as const)
    .filter(([a, b]) => a !== undefined && b !== undefined)
  return mcnemarTest(pairs.filter(([a, b]) => a && !b).length, pairs.filter(([a, b]) => !a && b).length)
}
