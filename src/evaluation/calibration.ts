// Calibration: among pairs with predicted probability p, is the first response preferred in a share p of them?

interface CalibrationBin {
  /** Means over the bin's pairs. */
  predicted: number
  observed: number
  pairs: number
}

export interface Calibration {
  bins: CalibrationBin[]
  /** Expected calibration error: Σ (pairs in bin / pairs) · |observed − predicted| (Guo et al., 2017). */
  error: number
}

/**
 * @param predicted P(first is better) of each pair
 * @param observed label of each pair
 * @param count number of bins, of equal width
 */
export function calibration(predicted: readonly number[], observed: readonly number[], count = 10): Calibration {
  const sums = Array.from({ length: count }, () => ({ predicted: 0, observed: 0, pairs: 0 }))
  predicted.forEach((p, i) => {
    const bin = sums[Math.min(count - 1, Math.floor(p * count))]!
    bin.predicted += p
    bin.observed += observed[i]!
    bin.pairs++
  })
  const bins = sums
    .filter(({ pairs }) => pairs > 0)
    .map((bin) => ({ predicted: bin.predicted / bin.pairs, observed: bin.observed / bin.pairs, pairs: bin.pairs }))
  return {
    bins,
    error: bins.reduce((sum, bin) => sum + (bin.pairs / predicted.length) * Math.abs(bin.observed - bin.predicted), 0),
  }
}
