// Lines for lists in Temporal and names of runs, which it limits in bytes: whatever has a longer one is refused.
import { isWellFormed, wellFormed } from '../well-formed'

const SUMMARY_BYTES = 200
/** Longest workflow ID that Temporal takes. */
export const LONGEST_ID = 1000

const bytesOf = (character: string) => {
  const code = character.codePointAt(0)!
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
}

/** The beginning of a text, at most 200 bytes as UTF-8; no character is cut. */
export const brief = (text: string): string => cutToBytes(text, SUMMARY_BYTES)

/** The beginning of a text, at most so many bytes as UTF-8; no character is cut. */
export function cutToBytes(text: string, most: number): string {
  let bytes = 0
  let end = 0
  for (const character of text) {
    bytes += bytesOf(character)
    if (bytes > most) break
    end += character.length
  }
  return text.slice(0, end)
}

/** A text of at most so many characters: of a longer one its beginning and its end, which often says what to do. */
export function cutInside(text: string, most: number): string {
  if (text.length <= most) return text
  const end = Math.floor((most - 3) / 2)
  return wellFormed(`${text.slice(0, most - 3 - end)} … ${text.slice(-end)}`)
}

/** Whether Temporal takes it as the ID of a workflow. */
export const isWorkflowId = (text: string): boolean =>
  text !== '' && isWellFormed(text) && cutToBytes(text, LONGEST_ID) === text
