// The largest and the smallest of any number of values: the arguments of `Math.max(...values)` lie on the stack, which
// overflows at some 100,000 of them.

/** @returns `atLeast` when there are no larger values; NaN when one of them is NaN */
export function largest(values: Iterable<number>, atLeast = -Infinity): number {
  let most = atLeast
  for (const value of values) most = Math.max(most, value)
  return most
}

/** @returns Infinity when there are no values; NaN when one of them is NaN */
export function smallest(values: Iterable<number>): number {
  let least = Infinity
  for (const value of values) least = Math.min(least, value)
  return least
}
