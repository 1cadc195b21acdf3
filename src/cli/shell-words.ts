// The words of a line as a shell reads them.

/** Words with their quotes and backslashes taken away; the last may be unfinished, and is empty after a space. */
export function shellWords(line: string): string[] {
  const words = ['']
  let quote: string | undefined
  for (let i = 0; i < line.length; i++) {
    const sign = line[i]!
    const last = words.length - 1
    if (sign === '\\' && quote !== "'") words[last] += line[++i] ?? ''
    else if (sign === quote) quote = undefined
    else if (quote === undefined && (sign === '"' || sign === "'")) quote = sign
    else if (quote === undefined && /\s/.test(sign)) {
      if (!/\s/.test(line[i - 1] ?? ' ')) words.push('')
    } else words[last] += sign
  }
  return words
}

/** A word that a shell takes as one. */
export const shellWord = (text: string): string =>
  /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
