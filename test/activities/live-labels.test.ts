// Labels of stage `online-dpo` from an endpoint over real HTTP: what is asked, what is not, and what an outage does.
import { openLiveLabels } from '../../src/activities/live-labels'
import type { StageHost } from '../../src/activities/stage'
import { openAnswers, type AnswerFiles } from '../../src/artifacts/answers'
import { parse } from '../../src/contracts/parse'
import { stageSchemas, type StageInput } from '../../src/contracts/stages'
import type { Row } from '../../src/data/row'
import { readTask, taskFolder } from '../../src/data/task'
import { loadModelAndTokenizer } from '../../src/model/loaded'
import { winsOverFirst } from '../../src/training/online-dpo'
import { preferShorter, startEndpoint, type Endpoint, type Fault, type Rule } from '../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

const loaded = loadModelAndTokenizer(writeTinyFolder())
const rows: Row[] = Array.from({ length: 3 }, (_, i) => ({
  id: String(i),
  messages: [{ role: 'user', content: `Post ${i}` }],
  context: `Post ${i}`,
}))
const artifact = { uri: 'file:///x', sha256: '0'.repeat(64), bytes: 0, summary: {} }
const ids = (text: string) => loaded.tokenizer.encode(text)
const pairOf = (prompt: number, first: string, second: string) => ({ prompt, first: ids(first), second: ids(second) })

let endpoint: Endpoint
afterEach(() => endpoint.close())

async function open(
  rule: Rule,
  { fault, answers = openAnswers(temporaryFolder()) }: { fault?: Fault; answers?: AnswerFiles } = {},
) {
  endpoint = await startEndpoint(rule, fault)
  const settings = { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, stopAfterFailures: 1, concurrency: 1 }
  const given = { policy: artifact, data: artifact, labeler: { settings }, limits: {}, settings: {} }
  const input = parse(stageSchemas['online-dpo'], given, 'online-dpo') as StageInput<'online-dpo'>
  const phases: string[] = []
  const host = { answers: () => answers, report: ({ phase }) => phases.push(phase) } as Partial<StageHost> as StageHost
  const { labelsFor } = await openLiveLabels(input, readTask(taskFolder('summarization')), loaded, host)
  return { labels: labelsFor(rows), phases }
}

test('each pair is asked in both orders; two responses of the same text are even, and not asked', async () => {
  const { labels } = await open(preferShorter)
  const got = await labels.label([
    pairOf(0, 'short', 'much longer than that'),
    pairOf(1, 'same', ' same '),
    pairOf(2, 'a longer one', 'b'),
  ])
  expect(endpoint.prompts).toHaveLength(4)
  expect(got[0]!.preferFirst).toBeGreaterThan(0.5)
  expect(got[1]).toEqual({ preferFirst: 0.5 })
  expect(got[2]!.preferFirst).toBeLessThan(0.5)
  expect([got[0]!.sameSlot, got[2]!.sameSlot]).toEqual([false, false])
})

test('an outage pauses the step; what was answered before is not asked again', async () => {
  let down = false
  const { labels, phases } = await open(preferShorter, {
    fault: (request, response) => {
      if (request === 3) {
        down = true
        setTimeout(() => (down = false), 2000)
      }
      return down && Boolean(response.writeHead(503).end('restarting'))
    },
  })
  const got = await labels.label([pairOf(0, 'x', 'longer'), pairOf(1, 'x', 'longer'), pairOf(2, 'x', 'longer')])
  for (const label of got) expect(label!.preferFirst).toBeGreaterThan(0.5)
  expect(phases[0]).toMatch(/^waiting for judge at /)
  expect(new Set(endpoint.prompts).size).toBe(6)
  expect(endpoint.prompts).toHaveLength(7)
})

test('a step that is done again pays for no label twice', async () => {
  const answers = openAnswers(temporaryFolder())
  const pairs = [pairOf(0, 'x', 'longer'), pairOf(1, 'much longer', 'y')]
  const first = await open(preferShorter, { answers })
  const got = await first.labels.label(pairs)
  expect(await first.labels.label(pairs)).toEqual(got)
  expect(endpoint.prompts).toHaveLength(4)
})

test('a pair without an answer stops the step: no label is made up', async () => {
  const { labels } = await open(() => ({ maybe: 1 }))
  await expect(labels.label([pairOf(0, 'x', 'y')])).rejects.toThrow(/online-dpo: judge at .* gave no label: /)
})

test('validation scores a response against the one that was scored first for its prompt', async () => {
  const { labels } = await open(preferShorter)
  const reward = winsOverFirst(labels)
  const before = [
    { prompt: 0, ids: ids('before it') },
    { prompt: 1, ids: ids('x') },
  ]
  expect(await reward.score(before)).toEqual([0.5, 0.5])
  expect(endpoint.prompts).toHaveLength(0)
  const [better, worse] = await reward.score([
    { prompt: 0, ids: ids('y') },
    { prompt: 1, ids: ids('after it') },
  ])
  expect([better! > 0.5, worse! < 0.5]).toEqual([true, true])
})
