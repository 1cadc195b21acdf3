// A run that stands still says why: an activity that fails, a pause before its next attempt, a worker that cannot go on, a
// workflow that does not exist, nobody at work. And questions that are refused are not asked again.
import { randomBytes } from 'node:crypto'
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startEndpoint } from '../feedback/endpoint'
import { openLocalStack, rlaif, type LocalStack } from '../local-stack'
import { ended, openSite, until, type Site } from '../site'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const model = writeTinyFolder()
const pairs = join(temporaryFolder(), 'pairs.jsonl')
writeFileSync(
  pairs,
  Array.from({ length: 12 }, (_, i) =>
    JSON.stringify({ prompt: `Question ${i}?`, responses: ['good answer', 'bad answer'], preferred: 1 }),
  ).join('\n'),
)

let stack: LocalStack
beforeAll(async () => {
  stack = await openLocalStack()
})
afterAll(() => stack.close())

const start = (workflow: string, workflowId: string, input: object = {}, taskQueue = 'rlaif') =>
  stack.client.workflow.start(workflow, { taskQueue, workflowId, args: [input] })
/** What `rlaif status` says, once it says this. */
const said = (id: string, what: RegExp) =>
  until(async () => {
    const { out } = await stack.run('status', id)
    return what.test(out) ? out : undefined
  }, 60)

describe('a message to people', () => {
  test('whose address is in no variable fails at once, with what to set', async () => {
    const input = { notify: { urlEnv: 'RLAIF_NOTIFY_NOT_SET' }, text: 'Good morning.' }
    const started = Date.now()
    const { code, err } = await stack.run('run', 'notification', '--input', JSON.stringify(input))
    expect(code).toBe(1)
    expect(err).toMatch(
      /field "urlEnv" names RLAIF_NOTIFY_NOT_SET, which is not set in this worker's environment: set it where the workers/,
    )
    expect(Date.now() - started).toBeLessThan(30_000)
  })

  test('that is not taken says what happens, and when it is tried again', async () => {
    await start('notification', 'unheard', { notify: { url: 'http://127.0.0.1:9/' }, text: 'Good morning.' })
    const out = await said('unheard', /attempt 1 failed/)
    expect(out).toMatch(/notify: pausing: attempt 2 starts in [\d.]+ s, at \d\d:\d\d:\d\d UTC/)
    expect(out).toMatch(/attempt 1 failed: notify: the receiver cannot be reached \(ECONNREFUSED\)/)
    expect(out).not.toMatch(/no worker/)
  })

  test('of a run that nobody will get is said when the run starts', async () => {
    const notify = { urlEnv: 'RLAIF_NOTIFY_NOT_SET' }
    const study = { data: { path: pairs }, labeler: { model }, variants: [{ name: 'plain' }] }
    const input = { model, ...study, notify, onFailure: 'fail' }
    const { out } = await stack.run(
      'run',
      'labelStudy',
      '--id',
      'untold',
      '--input',
      JSON.stringify({ ...input, pairs: 2 }),
    )
    expect(out).toMatch(
      /! notify: field "urlEnv" names RLAIF_NOTIFY_NOT_SET, which is not set .* no message of this run/,
    )
  })
})

describe('a run that is not answered', () => {
  test('because there is no such workflow: it ends at once, and says which ones there are', async () => {
    const refused = await start('algin', 'mistyped')
    await expect(refused.result()).rejects.toThrow()
    const { out } = await stack.run('status', 'mistyped')
    expect(out).toMatch(/mistyped: algin, failed[^]*there is no workflow "algin"; there are align, sft, /)
    expect(out).not.toMatch(/no worker answers|Failure \{|Some\(/)
  })

  test('because nobody asks for its work', async () => {
    await start('align', 'alone', {}, 'nobody-here')
    const { out } = await stack.run('status', 'alone')
    expect(out).toMatch(
      /no worker answers for this run: none asks for the work of the task queue "nobody-here"; start one with `npm run rlaif -- up`/,
    )
  })

  describe('because a key is missing', () => {
    const key = () => randomBytes(32).toString('base64')
    const [ours, theirs] = [`ours:${key()}`, `theirs:${key()}`]
    let site: Site
    let worker: ChildProcess
    beforeAll(async () => {
      site = await openSite()
      worker = site.workerWith({ RLAIF_PAYLOAD_KEYS: theirs }, 'workflow')
    })
    afterAll(async () => {
      await ended(worker, 'SIGTERM')
      await site.close()
    })

    test('to its worker', async () => {
      const env = { RLAIF_PAYLOAD_KEYS: ours, TEMPORAL_ADDRESS: site.address }
      const input = JSON.stringify({ model })
      const run = ['run', 'sft', '--id', 'locked', '--detach', '--input', input]
      expect(await rlaif(site.home, run, env)).toMatchObject({ code: 0 })
      const said = (keys: string) =>
        until(async () => {
          const ended = await rlaif(site.home, ['status', 'locked'], { ...env, RLAIF_PAYLOAD_KEYS: keys })
          return /again and again/.test(ended.out) ? ended.out : undefined
        }, 60)
      expect(await said(ours)).toMatch(/its reason cannot be read here: .*encrypted with key "theirs"/)
      const out = await said(`${ours},${theirs}`)
      expect(out).toMatch(
        /its worker cannot go on with this run and tries again and again: .*encrypted with key "ours", which is not in RLAIF_PAYLOAD_KEYS/,
      )
      expect(out).not.toMatch(/no worker answers|Failure \{|Some\(/)
    })
  })
})

describe('questions that are refused', () => {
  const study = (baseUrl: string) => ({
    ...{ model, task: 'helpful', data: pairs, variants: [{ name: 'base' }] },
    labeler: { baseUrl, model: 'judge', orders: 1 },
  })

  test.each([
    ['for what they are, few as they are', 2, { error: { message: 'no such parameter: top_logprobs', code: 400 } }],
    ['by a filter', 12, { error: { message: 'blocked by the content policy', code: 'content_filter' } }],
    ['as too long', 12, { error: { message: "this model's maximum context length is 8 tokens" } }],
  ])('%s are asked once, and the run parks at once with the reason', async (what, questions, reply) => {
    const endpoint = await startEndpoint(
      () => '',
      (_, response) => {
        response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
        return true
      },
    )
    const input = JSON.stringify({ ...study(endpoint.baseUrl), pairs: questions })
    const { code, err } = await stack.run('run', 'labelStudy', '--id', `refused ${what}`, '--input', input)
    await endpoint.close()
    expect(code).not.toBe(0)
    expect(err).toMatch(/judge: base is parked: /)
    expect(err).toContain(reply.error.message)
    expect(err).toContain(`npm run rlaif -- resolve 'refused ${what}' retry --overrides '{"labeler":`)
    expect(endpoint.prompts).toHaveLength(questions)
  })

  test('by an endpoint that is down are asked again, and the pause is shown as one, with the whole reason', async () => {
    const labeler = { baseUrl: 'http://127.0.0.1:9/v1', model: 'judge', retries: 0, stopAfterFailures: 1, orders: 1 }
    await start('labelStudy', 'down', { ...study(''), labeler })
    const out = await said('down', /attempt [34] of 5/)
    expect(out).toMatch(/▸ judge: base +pausing: attempt [34] of 5 starts in [\d.]+ s, at \d\d:\d\d:\d\d UTC/)
    expect(out).toMatch(
      /attempt [23] failed: labeler: .*ECONNREFUSED.*answers so far are kept, the stage resumes from them/,
    )
    await stack.client.workflow.getHandle('down').terminate()
  })
})
