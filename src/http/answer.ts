// What our servers' requests and answers have in common.
import type { ServerResponse } from 'node:http'

/** An answer in plain text, which no browser takes for a page: it may quote what the request said. */
export function answerInText(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
    .end(text)
}
