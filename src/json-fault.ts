// What is wrong with the text of a file that should be JSON, without quoting it: the parser's own message does.

/** Why a file cannot be read: the system's own words, and of its text where it is no JSON. */
export const readingFault = (error: unknown): string =>
  (error as Error).name === 'SyntaxError' ? `it is not JSON, ${jsonFault(error)}` : (error as Error).message

/** @param error of JSON.parse */
export function jsonFault(error: unknown): string {
  const { message } = error as Error
  if (message.includes('end of JSON input')) return 'it ends in the middle'
  return /at position \d+( \(line \d+ column \d+\))?/.exec(message)?.[0] ?? 'at its beginning or in one of its values'
}
