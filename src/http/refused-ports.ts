// Ports that no browser connects to (https://fetch.spec.whatwg.org/#port-blocking, "bad ports"). A server that checks
// neither Host nor Origin, and that cannot be told to, is out of reach of every web page there.
import { createServer } from 'node:net'

/** Those that every browser refuses, that need no privilege and that few machines use, among them those of IRC and SIP. */
export const REFUSED_PORTS: readonly number[] = [
  6665, 6666, 6667, 6668, 6669, 6697, 6566, 10080, 4045, 3659, 5060, 5061, 1719, 1720, 1723,
]

/** @param port 0 for any free one @returns the port if 127.0.0.1 can be listened on there now */
export function portIfFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(undefined))
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : undefined))
    })
  })
}

/** Any free port of 127.0.0.1. */
export const freePort = async (): Promise<number> => (await portIfFree(0))!

/**
 * Free ports of 127.0.0.1 that no browser connects to; ordinary ones where they are all taken.
 * @param count how many, all different
 */
export async function portsRefusedByBrowsers(count: number): Promise<number[]> {
  const start = Math.floor(Math.random() * REFUSED_PORTS.length) // those who start at the same time rarely meet
  const found: number[] = []
  for (const port of [...REFUSED_PORTS.slice(start), ...REFUSED_PORTS.slice(0, start)])
    if (found.length < count && (await portIfFree(port)) !== undefined) found.push(port)
  if (found.length < count)
    process.stderr.write('http: all ports that browsers refuse are taken; a page may find a server at another one\n')
  while (found.length < count) found.push(await freePort())
  return found
}
