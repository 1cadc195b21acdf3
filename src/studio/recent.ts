// What was opened lately, so that the next page need not open it again: places of texts, not the texts.

/**
 * @param most how many are kept
 * @returns the one of this key, opened if it is not there
 */
export function keepingRecent<T>(most: number): (key: string, open: () => T) => T {
  const kept = new Map<string, T>()
  return (key, open) => {
    const found = kept.has(key) ? kept.get(key)! : open()
    kept.delete(key)
    kept.set(key, found)
    if (kept.size > most) kept.delete(kept.keys().next().value!)
    return found
  }
}
