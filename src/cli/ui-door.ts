// The door of Temporal's UI. The UI answers to any host, so a page whose name was made to lead here (DNS rebinding)
// would be taken for the UI's own and could read runs and start them. People reach it through this server, which refuses
// the requests of other sites; the UI itself listens where no browser connects to (http/refused-ports.ts).
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerInText } from '../http/answer'
import { refusalByOrigin } from '../http/guard'

const ADDRESS = '127.0.0.1'

/** A server before the UI, and its base address. */
export interface UiDoor {
  url: string
  close(): void
}

/**
 * @param innerUi port of the UI itself
 * @param preferred port for people; any free one if it is taken
 */
export async function openUiDoor(innerUi: number, preferred: number): Promise<UiDoor> {
  const server = await listening(innerUi, preferred).catch(() => listening(innerUi, 0))
  return {
    url: `http://${ADDRESS}:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function listening(innerUi: number, port: number): Promise<Server> {
  const server = createServer((incoming, response) => {
    const foreign = refusalByOrigin(incoming, { address: ADDRESS })
    if (foreign) return void fail(response, foreign.status, foreign.reason)
    passOn(incoming, response, innerUi)
  })
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, ADDRESS, () => resolve(server)))
}

function fail(response: ServerResponse, status: number, reason: string): void {
  if (response.headersSent) return void response.destroy()
  answerInText(response.setHeader('connection', 'close'), status, `ui: ${reason}\n`)
}

/** Streams the request to the UI and the answer back. */
function passOn(incoming: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url: path, headers } = incoming
  const inner = request({ host: ADDRESS, port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers)
    answer.pipe(response)
    answer.once('error', () => response.destroy())
  })
  inner.once('error', (error) => fail(response, 502, `Temporal's UI does not answer (${error.message})`))
  response.once('close', () => inner.destroy())
  incoming.pipe(inner)
}
