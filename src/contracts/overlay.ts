// Overlaying what a person gave on a preset, or on what several inputs share, group by group.

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `above` wins; groups of fields are merged one level deep. */
export function overlay(below: Record<string, unknown>, above: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...below, ...above }
  for (const key of Object.keys(below))
    if (isRecord(below[key]) && isRecord(above[key])) merged[key] = { ...below[key], ...above[key] }
  return merged
}
