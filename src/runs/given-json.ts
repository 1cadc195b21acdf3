// JSON that people write by hand: with comments, and with a comma after the last element where they leave one.
import { createScanner } from 'jsonc-parser'
import { InvalidInput } from '../contracts/parse'

/** Every character stays where it is, so that a message names the place in the text as it was written. */
function withoutExtras(text: string): string {
  const scanner = createScanner(text)
  const tokens: string[] = []
  let comma: number | undefined
  const next = () => {
    scanner.scan()
    return text.slice(scanner.getTokenOffset(), scanner.getTokenOffset() + scanner.getTokenLength())
  }
  for (let token = next(); token !== ''; token = next()) {
    const isComment = token.startsWith('//') || token.startsWith('/*')
    if ((token === '}' || token === ']') && comma !== undefined) tokens[comma] = ' '
    if (!isComment && token.trim() !== '') comma = token === ',' ? tokens.length : undefined
    tokens.push(isComment ? token.replace(/[^\r\n]/g, ' ') : token)
  }
  return tokens.join('')
}

/**
 * @param what names the text in the message, e.g. "--input file a.json"
 * @throws InvalidInput saying where the text is no JSON
 */
export function parseGivenJson(text: string, what: string): unknown {
  try {
    return JSON.parse(withoutExtras(text))
  } catch (error) {
    throw new InvalidInput(`${what} is not JSON: ${(error as Error).message}`, { cause: error })
  }
}
