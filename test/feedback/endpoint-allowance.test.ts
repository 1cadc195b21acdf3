// Which endpoints a worker may ask, and which of its variables it may send there: whoever starts a run names both.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { checkNumber } from '../../src/feedback/address-rules'
import { checkAllowance, parseAllowances } from '../../src/feedback/endpoint-allowance'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { parse } from '../../src/contracts/parse'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'

afterEach(() => {
  delete process.env.RLAIF_ENDPOINTS
})
const refusal = async (check: () => unknown) => {
  try {
    await check()
    return 'allowed'
  } catch (error) {
    return (error as Error).message
  }
}

test.each([
  ['https://api.openai.com/v1', 'OPENAI_API_KEY', 'allowed'],
  ['https://api.openai.com/v1', 'OTHER_KEY', /OTHER_KEY may not be sent to https:\/\/api\.openai\.com/],
  ['https://api.openai.com.evil.example/v1', undefined, /not among the endpoints/],
  ['https://api.openai.com@evil.example/v1', undefined, /https:\/\/evil\.example is not among/],
  ['http://api.openai.com/v1', undefined, /not among the endpoints/],
  ['https://api.openai.com:8443/v1', undefined, /not among the endpoints/],
  ['http://10.0.0.5:8000/team/v1', 'A', 'allowed'],
  ['http://10.0.0.5:8000/team/v1', 'B', 'allowed'],
  ['http://10.0.0.5:8000/teammate/v1', undefined, /not among the endpoints/],
  ['http://10.0.0.5:8000/team/../other', undefined, /not among the endpoints/],
  ['http://169.254.169.254/latest', undefined, /not among the endpoints/],
])('with a list: %s with %s', async (address, secret, outcome) => {
  process.env.RLAIF_ENDPOINTS = 'https://api.openai.com=OPENAI_API_KEY, http://10.0.0.5:8000/team/=A+B'
  expect(await refusal(() => checkAllowance(address, secret))).toEqual(
    typeof outcome === 'string' ? outcome : expect.stringMatching(outcome),
  )
})

test('without a list, numbers of cloud metadata are out of reach, however they are written', async () => {
  const reaches = (address: string) => refusal(() => checkNumber(new URL(address), checkAllowance(address)))
  for (const address of [
    'http://169.254.169.254/latest/meta-data',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://[::ffff:169.254.169.254]/',
  ])
    expect([address, await reaches(address)]).toEqual([address, expect.stringMatching(/cloud metadata/)])
  for (const address of [
    'http://127.0.0.1:8000/v1',
    'http://localhost/v1',
    'http://10.0.0.5/v1',
    'http://no-such-host.invalid/',
  ])
    expect(await reaches(address)).toBe('allowed')
})

test('a list that cannot be parsed is refused with the entry', () => {
  expect(() => parseAllowances('https://a.example,api.openai.com')).toThrow(/"api\.openai\.com" is not an address/)
  expect(() => parseAllowances('file:///etc')).toThrow(/is not an address/)
})

test('a labeler that is not allowed is refused before its key is read; a redirect is not followed', async () => {
  const settings = (more: object) =>
    parse(labelerSchema, { model: 'm', retries: 0, stopAfterFailures: 1, ...more }, 'labeler') as EndpointSettings
  process.env.RLAIF_ENDPOINTS = 'https://api.openai.com=OPENAI_API_KEY'
  expect(() => endpointLabeler(settings({ baseUrl: 'https://evil.example/v1', apiKeyEnv: 'OPENAI_API_KEY' }))).toThrow(
    /https:\/\/evil\.example is not among the endpoints/,
  )
  delete process.env.RLAIF_ENDPOINTS

  const followed: string[] = []
  const server = createServer((request, response) => {
    followed.push(request.url!)
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  await new Promise<void>((up) => server.listen(0, '127.0.0.1', up))
  const labeler = endpointLabeler(
    settings({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` }),
  )
  await expect(labeler.ask([{ text: 'x', ending: 'y' }], ['1'])).rejects.toThrow(
    /answered with a redirect to \/elsewhere; set labeler\.baseUrl/,
  )
  server.close()
  expect(followed).toEqual(['/v1/chat/completions'])
})
