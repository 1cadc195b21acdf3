// A GET request that may name any host and go to any port of this machine; fetch allows neither.
import { request } from 'node:http'

const TIMEOUT_MS = 3000

/** What another server on this machine answers. @throws when it does not, within three seconds */
export function ask(port: number, path: string, host?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host }
    const asked = request({ host: '127.0.0.1', port, path, headers, timeout: TIMEOUT_MS }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode!, text: Buffer.concat(parts).toString('utf8') }))
    })
    asked.on('timeout', () => asked.destroy(new Error(`port ${port} does not answer`)))
    asked.on('error', reject)
    asked.end()
  })
}
