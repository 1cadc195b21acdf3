// Lexical diversity of texts (Li et al., 2016).

/**
 * Distinct-n: distinct word n-grams as a share of all n-grams, over all texts together. NaN when no text has n words.
 */
export function distinctN(texts: readonly string[], n: number): number {
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
