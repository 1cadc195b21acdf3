// Temporal's UI in compose stands behind a door: the requests that a page of another site causes are refused. The UI here
// is the real one, of the development server, in a network namespace of its own.
import { join } from 'node:path'
import { findTemporal } from '../../src/cli/dev-server'
import { PROJECT, readCompose, requiredVariables } from '../deploy/compose'
import { startNetwork, type Network } from '../deploy/network'

jest.setTimeout(120_000)

const { services } = readCompose(Object.fromEntries(requiredVariables().map((name) => [name, 'x'])))
let network: Network

/** The status of a request with these headers; 0 if nobody answers. */
async function ask(address: string, headers: Record<string, string>): Promise<number> {
  const program = `require('node:http')
    .get(${JSON.stringify(address)}, { headers: ${JSON.stringify(headers)} }, ({ statusCode }) => {
      console.log(statusCode)
      process.exit(0)
    })
    .on('error', () => console.log(0))`
  return Number((await network.run('browser', [process.execPath, '-e', program])).out)
}
const API = 'http://ui-door:8081/api/v1/namespaces'

beforeAll(async () => {
  network = await startNetwork({ ui: ['temporal'], 'ui-door': ['temporal'], browser: ['temporal'] })
  const address = network.addressOf('ui', 'temporal')
  const flags = ['--headless=false', '--ip', address, '--port', '7233', '--ui-ip', address, '--ui-port', '8080']
  network.start('ui', [findTemporal()!, 'server', 'start-dev', ...flags, '--log-level', 'error'])
  const [, script] = services['ui-door']!.entrypoint!
  network.start('ui-door', [process.execPath, join(PROJECT, script!)])
  for (let tries = 0; (await ask(API, { host: '127.0.0.1:8080' })) !== 200; tries++) {
    if (tries === 120) throw new Error('the UI does not answer')
    await new Promise((done) => setTimeout(done, 250))
  }
})
afterAll(() => network.close())

const SITE = { host: 'rebound.example:8080', origin: 'http://rebound.example:8080' }

test('the UI itself would answer a page whose name was made to lead here; no port of it is published', async () => {
  expect(await ask('http://ui:8080/', SITE)).toBe(200)
  expect(services.ui!.ports).toBeUndefined()
  expect(services['ui-door']!.ports).toEqual(['127.0.0.1:8080:8081'])
})

test('through its door, such a page and one of another origin are refused; a person is served', async () => {
  expect(await ask(API, SITE)).toBe(403)
  expect(await ask(API, { host: '127.0.0.1:8080', origin: 'http://evil.example' })).toBe(403)
  expect(await ask(API, { host: '127.0.0.1:8080', 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await ask(API, { host: '127.0.0.1:8080' })).toBe(200)
  expect(await ask(API, { host: 'localhost:8080', origin: 'http://localhost:8080' })).toBe(200)
})
