// Lines for lists in Temporal, which limits their size in bytes: whatever has a longer line is refused.

const SUMMARY_BYTES = 200

const bytesOf = (character: string) => {
  const code = character.codePointAt(0)!
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
}

/** The beginning of a text, at most 200 bytes as UTF-8; no character is cut. */
export function brief(text: string): string {
  let bytes = 0
  let end = 0
  for (const character of text) {
    bytes += bytesOf(character)
    if (bytes > SUMMARY_BYTES) break
    end += character.length
  }
  return text.slice(0, end)
}
