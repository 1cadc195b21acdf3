// How varied texts are (Li et al., 2016).

/** Different n-grams of words as a share of all n-grams, over all texts together. NaN where no text has n words. */
export function distinct(texts: readonly string[], n: number): number {
  const seen = new Set<string>()
  let all = 0
  for (const text of texts) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean)
    for (let i = 0; i + n <= words.length; i++) {
      seen.add(words.slice(i, i + n).join(' '))
      all++
    }
  }
  return all === 0 ? NaN : seen.size / all
}
