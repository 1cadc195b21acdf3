// A stage that waits for an endpoint says so: otherwise it would be taken for one that hangs.
import { openEndpoint } from '../../src/feedback/endpoint-labeler'
import { openWaitNotice } from '../../src/feedback/wait-notice'
import { labelerSchema } from '../../src/contracts/labeler-settings'
import type { EndpointSettings } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'
import { startEndpoint } from './endpoint'

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

test('a wait is told again and again with its reason, and no more once an answer came', async () => {
  const told: string[] = []
  const notice = openWaitNotice((reason) => told.push(reason), 40)
  await notice.during(async () => {
    await pause(100)
    notice.because('HTTP 429')
    await pause(100)
    notice.answered()
  })
  expect(told[0]).toBe('no answer yet')
  expect(told.filter((reason) => reason === 'HTTP 429').length).toBeGreaterThan(1)
  const before = told.length
  await pause(120)
  expect(told).toHaveLength(before)
})

test('what answers steadily is not told of', async () => {
  const told: string[] = []
  const notice = openWaitNotice((reason) => told.push(reason), 200)
  await notice.during(async () => {
    for (let i = 0; i < 20; i++) {
      notice.answered()
      await pause(20)
    }
  })
  expect(told).toEqual([])
})

test('two pauses that an endpoint asks for are told of with the time that they end', async () => {
  const told: string[] = []
  const endpoint = await startEndpoint(
    () => ({ '1': 0.9, '2': 0.1 }),
    (request, response) => {
      if (request > 2) return false
      response.writeHead(429, { 'retry-after': '12' }).end('{"error":{"message":"slow down"}}')
      return true
    },
  )
  const settings = parse(labelerSchema, { baseUrl: endpoint.baseUrl, model: 'judge' }, 'labeler') as EndpointSettings
  const labeler = await openEndpoint(settings, [], 'labeler', { onWait: (reason) => told.push(reason) })
  const [answer] = await labeler.ask([{ text: 'a question', ending: '' }], ['1', '2'])
  await endpoint.close()
  expect(answer).toMatchObject({ logProbs: [Math.log(0.9), Math.log(0.1)] })
  expect(told.length).toBeGreaterThanOrEqual(2)
  for (const reason of told) expect(reason).toMatch(/^asked to wait until \d\d:\d\d:\d\d UTC: HTTP 429 .*slow down/)
})
