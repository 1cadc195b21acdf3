// Which responses a contest takes for responses to the same prompt.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { contest } from '../../../src/activities/stages/contest'
import { promptDigest } from '../../../src/activities/prompt-digest'
import { writeResponses } from '../../../src/activities/responses'
import type { Row } from '../../../src/data/row'
import { readTask, taskFolder, taskText } from '../../../src/data/task'
import { writeJsonl } from '../../../src/json-lines'
import { startEndpoint } from '../../feedback/endpoint'
import { temporaryFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

const artifact = (folder: string) => ({ uri: `file://${folder}`, sha256: '0'.repeat(64), bytes: 1, summary: {} })
const row = (id: string, question: string): Row => ({
  id,
  messages: [{ role: 'user', content: question }],
  context: `Text - ${question}`,
})
function dataOf(evaluation: Row[], task = 'summarization') {
  const folder = temporaryFolder()
  writeJsonl(join(folder, 'train.jsonl'), [])
  writeJsonl(join(folder, 'evaluation.jsonl'), evaluation)
  writeFileSync(join(folder, 'task.json'), taskText(readTask(taskFolder(task))))
  return artifact(folder)
}
function responsesTo(rows: Row[], text: string) {
  const folder = temporaryFolder()
  writeResponses(
    folder,
    rows.map((one) => ({ id: one.id, prompt: promptDigest(one), text, tokens: 1, ended: true })),
  )
  return artifact(folder)
}

test('an answer to a prompt that has changed under the same id is compared with none', async () => {
  const before = [row('1', 'Where is the key?'), row('2', 'Who was there?')]
  const after = [row('1', 'Where is the key?'), row('2', 'Who has left?')]
  const input = {
    data: dataOf(before),
    arms: [
      { name: 'a', responses: responsesTo(before, 'One.') },
      { name: 'b', responses: responsesTo(after, 'Two.') },
    ],
    judge: { settings: { baseUrl: 'world:', model: 'gold' } },
    agreementPairs: 0,
  }
  const { uri, summary } = await computeStage(contest, 'contest', input)
  const prompts = readFileSync(join(uri.slice('file://'.length), 'prompts.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { responses: object }).responses)
  expect(prompts).toEqual([{ a: 'One.', b: 'Two.' }, { a: 'One.' }])
  expect(summary.bouts).toBe(1)
})

test('responses that the judge gives no verdict on are counted', async () => {
  const rows = [row('1', 'Where is the key?'), row('2', 'Who was there?')]
  const endpoint = await startEndpoint((prompt) => (/is harmless/.test(prompt) ? { Sorry: 1 } : { '1': 0.6, '2': 0.4 }))
  const { summary } = await computeStage(contest, 'contest', {
    data: dataOf(rows, 'harmless'),
    arms: ['a', 'b'].map((name) => ({ name, responses: responsesTo(rows, `${name} said.`) })),
    judge: { settings: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 } },
    agreementPairs: 0,
  })
  await endpoint.close()
  expect(summary).toMatchObject({ bouts: 2, failed: 0, failedVerdicts: 4 })
})

test('a verdict in words: one question a response, P(good words) of each', async () => {
  const rows = [row('1', 'Write about the key.'), row('2', 'Write about the door.')]
  const words = (prompt: string) =>
    prompt.includes('a said.') ? { ' happy': 0.6, ' good': 0.2, ' sad': 0.2 } : { ' angry': 0.9, ' good': 0.1 }
  const endpoint = await startEndpoint((prompt) =>
    prompt.includes('The writer feels') ? words(prompt) : { '1': 0.6, '2': 0.4 },
  )
  const { uri, summary } = await computeStage(contest, 'contest', {
    data: dataOf(rows, 'cheerful'),
    arms: ['a', 'b'].map((name) => ({ name, responses: responsesTo(rows, `${name} said.`) })),
    judge: { settings: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 } },
    agreementPairs: 0,
  })
  await endpoint.close()
  expect(summary).toMatchObject({ bouts: 2, failedVerdicts: 0 })
  const lines = readFileSync(join(uri.slice('file://'.length), 'prompts.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const good = { a: expect.closeTo(0.8, 12) as number, b: expect.closeTo(0.1, 12) as number }
  expect(lines.map((line) => (JSON.parse(line) as { good: object }).good)).toEqual([good, good])
})
