// How shares become figures of a stage: the share of nothing is undefined, which a figure says as null. No other number
// is treated so: a figure that is NaN for another reason is a defect, and child.ts refuses it.
import type { Alignment } from '../evaluation/alignment'
import type { Share } from '../evaluation/statistics'

type Figures = Record<string, number | null>

/** The value of a share; null for the share of nothing. */
export const shareFigure = ({ value, n }: Pick<Share, 'value' | 'n'>): number | null => (n > 0 ? value : null)

/** A share and its 95 % interval as three figures: `name`, and `name` with Low and High. */
export const shareFigures = (name: string, { value, low, high, n }: Share): Figures =>
  Object.fromEntries(
    Object.entries({ [name]: value, [`${name}Low`]: low, [`${name}High`]: high }).map(([figure, number]) => [
      figure,
      n > 0 ? number : null,
    ]),
  )

/** How a judge agrees with people; null without pairs that people decided, or where the judge answered none. */
export const alignmentFigures = (alignment: Alignment | undefined): Figures => ({
  agreement: alignment ? shareFigure(alignment.agreement) : null,
  agreementLow: alignment && alignment.agreement.n > 0 ? alignment.agreement.low : null,
  sameSlot: alignment ? shareFigure(alignment.sameSlot) : null,
})
