// How far several raters agree who rank the same things (paper §3.4, Appendix I).

/**
 * Kendall's coefficient of concordance, without ties: 12 S / (m² (n³ − n)), 1 when all rank alike, 0 when their rank sums are equal.
 * @param rankings one a rater: the rank of each of n items, 1 the best
 */
export function kendallW(rankings: readonly (readonly number[])[]): number {
  const m = rankings.length
  const n = rankings[0]?.length ?? 0
  if (m < 2 || n < 2) return NaN
  const sums = Array.from({ length: n }, (_, item) => rankings.reduce((sum, ranking) => sum + ranking[item]!, 0))
  const centre = (m * (n + 1)) / 2
  const spread = sums.reduce((sum, s) => sum + (s - centre) ** 2, 0)
  return (12 * spread) / (m * m * (n ** 3 - n))
}

/**
 * Cohen's kappa of two raters' yes or no: agreement beyond what their own habits would give by chance.
 * @returns NaN when both say the same of everything
 */
export function cohenKappa(first: readonly boolean[], second: readonly boolean[]): number {
  const n = first.length
  const share = (of: readonly boolean[]) => of.filter(Boolean).length / n
  const [p, q] = [share(first), share(second)]
  const expected = p * q + (1 - p) * (1 - q)
  const seen = first.filter((value, i) => value === second[i]).length / n
  return expected === 1 ? NaN : (seen - expected) / (1 - expected)
}
