// Text that UTF-8 can hold. A JavaScript string may contain half of a character beyond U+FFFF, a lone surrogate: JSON
// carries it as "\ud800", and a text that is cut may end with one. Protocol Buffers cannot: Temporal's SDK shuts a
// worker down that puts such a string into a message.

export const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text)

/** The text with U+FFFD in the place of halves of characters. */
export const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\uFFFD')
