// A run whose labeler refuses, from the command line: it parks after a few questions and says what the server said and
// what to do; and the settings that `rlaif labeler check` prints let it go on.
import { startEndpoint, type Endpoint } from '../feedback/endpoint'
import { openLocalStack, type LocalStack } from '../local-stack'
import { writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const model = writeTinyFolder()
let stack: LocalStack
let endpoint: Endpoint
beforeAll(async () => {
  stack = await openLocalStack()
})
afterAll(async () => {
  await stack.close()
  await endpoint?.close()
})

/** What the server says of a request; undefined: it answers. */
let refusal: (body: Record<string, unknown>) => { status: number; message: string } | undefined

test('no credit parks the run at once; a field that the server refuses is mended by what the check finds', async () => {
  endpoint = await startEndpoint(
    () => ({ '1': 0.6, '2': 0.4 }),
    (_, response) => {
      const refused = refusal(endpoint.bodies.at(-1)!)
      if (!refused) return false
      response.writeHead(refused.status).end(JSON.stringify({ error: { message: refused.message } }))
      return true
    },
  )
  const labeler = { baseUrl: endpoint.baseUrl, model: 'judge', concurrency: 4 }
  const input = {
    model,
    labeler,
    judge: { model },
    data: { limit: 16, evaluationPrompts: 4 },
    limits: { responseTokens: 6 },
  }
  refusal = () => ({ status: 402, message: 'Insufficient credits' })
  const parked = await stack.run('run', 'align', '--id', 'no-credit', '--input', JSON.stringify(input))
  expect(parked.code).toBe(3)
  expect(parked.err).toMatch(/label is parked: .*HTTP 402 Insufficient credits; no credit is left/)
  expect(endpoint.prompts.length).toBeLessThan(5)

  refusal = ({ max_tokens: old, top_logprobs: top }) => {
    if (old !== undefined)
      return { status: 400, message: "'max_tokens' is not supported. Use 'max_completion_tokens' instead." }
    return Number(top) > 5 ? { status: 400, message: 'top_logprobs must be at most 5' } : undefined
  }
  await stack.run('resolve', 'no-credit', 'retry')
  let status = ''
  for (let tries = 0; tries < 60 && !/max_completion_tokens/.test(status); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    status = (await stack.run('status', 'no-credit')).out
  }
  expect(status).toMatch(/set labeler\.request to \{"rename":\{"max_tokens":"max_completion_tokens"\}\}/)

  const check = await stack.run('labeler', 'check', '--input', JSON.stringify({ labeler }))
  expect(check).toMatchObject({ code: 0, out: expect.stringContaining('Use these settings:') })
  const found = JSON.parse(/\{\n[^]*\}/.exec(check.out)![0]) as object
  expect(found).toMatchObject({
    labeler: { request: { rename: { max_tokens: 'max_completion_tokens' } }, topLogProbs: 5 },
  })
  const resolved = await stack.run('resolve', 'no-credit', 'retry', '--overrides', JSON.stringify(found))
  expect(resolved).toMatchObject({ code: 0, err: '' })
  for (let tries = 0; tries < 80 && !/✓ label /.test(status); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    status = (await stack.run('status', 'no-credit')).out
  }
  expect(status).toMatch(/✓ label /)
  await stack.client.workflow.getHandle('no-credit').terminate()
})
