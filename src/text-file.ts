// Text files as people write them on any system.

const BYTE_ORDER_MARK = /^\ufeff/

/** A text without the mark that some editors put before it. */
export const withoutMark = (text: string): string => text.replace(BYTE_ORDER_MARK, '')

/** A text without that mark, and with line ends of one character. */
export const plainLines = (text: string): string => withoutMark(text).replace(/\r\n/g, '\n')
