// Inputs that cannot be read as one: nested so deep that checking them would end in an overflow of the stack, and
// payloads that the worker has refused before the workflow saw them.

/** Deepest nesting of an input, or of a row of data; inputs have at most about 15 levels, conversations four. */
export const MOST_LEVELS = 100
/** Field of the object that stands in the place of a refused payload; `message` is also that of a refused failure. */
const REFUSED = 'rlaifRefusedPayload'

/** What a workflow gets in the place of a payload that is refused: the check of its input then ends it. */
export const refusedPayload = (reason: string): object => ({ [REFUSED]: true, message: reason, stack_trace: '' })

/** @returns why this is no input, or undefined */
export function unreadable(input: unknown): string | undefined {
  if (typeof input === 'object' && input !== null && REFUSED in input)
    return String((input as { message?: unknown }).message).slice(0, 500)
  return isDeeper(input, MOST_LEVELS) ? `the input is nested deeper than ${MOST_LEVELS} levels` : undefined
}

/** Whether objects and lists lie inside each other deeper than so many levels: level by level, not by recursion. */
export function isDeeper(value: unknown, levels: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return true
    level = level.flatMap((node) => (typeof node === 'object' && node !== null ? Object.values(node) : []))
  }
  return false
}
