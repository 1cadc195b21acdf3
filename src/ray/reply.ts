// What of a server's reply is shown in a message: one line, cut.
const MOST = 300

export const shownReply = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MOST ? `${line.slice(0, MOST)}…` : line
}
