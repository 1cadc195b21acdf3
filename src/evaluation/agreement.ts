// Inter-rater agreement (paper §3.4, Appendix I).

/**
 * Kendall's coefficient of concordance W, without ties: 12 S / (m² (n³ − n)); 1 when all raters give the same ranking,
 * 0 when all items have the same rank sum.
 * @param rankings one per rater: the rank of each of n items, 1 for the best
 */
export function kendallW(rankings: readonly (readonly number[])[]): number {
  const m = rankings.length
  const n = rankings[0]?.length ?? 0
  if (m < 2 || n < 2) return NaN
  const sums = Array.from({ length: n }, (_, item) => rankings.reduce((sum, ranking) => sum + ranking[item]!, 0))
  const centre = (m * (n + 1)) / 2
  const squares = sums.reduce((sum, s) => sum + (s - centre) ** 2, 0)
  return (12 * squares) / (m * m * (n ** 3 - n))
}

/**
 * Cohen's kappa of two raters' yes/no answers: agreement beyond what their marginal rates would give by chance.
 * @returns NaN when both raters give one and the same answer to every item
 */
export function cohenKappa(first: readonly boolean[], second: readonly boolean[]): number {
  const n = first.length
  const share = (of: readonly boolean[]) => of.filter(Boolean).length / n
  const [p, q] = [share(first), share(second)]
  const expected = p * q + (1 - p) * (1 - q)
  const observed = first.filter((value, i) => value === second[i]).length / n
  return expected === 1 ? NaN : (observed - expected) / (1 - expected)
}
