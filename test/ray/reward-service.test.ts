// The labeler's scores for a job on Ray: where the job finds them, and who may ask.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { serveLabeler } from '../../src/activities/on-ray/reward-service'
import type { StageHost } from '../../src/activities/stage'
import { openAnswers } from '../../src/artifacts/answers'
import { parse } from '../../src/contracts/parse'
import { stageSchemas } from '../../src/contracts/stages'
import { readTask, taskFolder } from '../../src/data/task'
import { temporaryFolder } from '../tiny-folder'

const artifact = { uri: 'file:///store/model/0123456789abcdef', sha256: '0'.repeat(64), bytes: 1, summary: {} }
const given = {
  ...{ policy: artifact, data: artifact, limits: {}, settings: { algorithm: 'rloo' } },
  labeler: { settings: { baseUrl: 'world:', model: 'gold' } },
  engine: { ray: { address: 'local' } },
}

test('a job that reads the address and the token in its folder gets scores; nobody else does', async () => {
  const folder = temporaryFolder()
  const host = { answers: () => openAnswers(join(folder, 'answers')), note: () => {} }
  const task = readTask(taskFolder('summarization'))
  const served = await serveLabeler(parse(stageSchemas.rl, given, 'rl'), { task, folder }, host as never as StageHost)
  const file = join(folder, '.reward-service.json')
  try {
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const { url, token } = JSON.parse(readFileSync(file, 'utf8')) as Record<'url' | 'token', string>
    const ask = (authorization: string) =>
      fetch(`${url}/get_reward`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: JSON.stringify({ prompts: ['a post'], completions: ['a summary'], labels: ['a post'] }),
      })
    expect((await ask('Bearer of-somebody-else')).status).toBe(401)
    const { rewards } = (await (await ask(`Bearer ${token}`)).json()) as { rewards: number[] }
    expect(rewards).toEqual([expect.any(Number)])
    expect(served.failed()).toBeUndefined()
  } finally {
    served.close()
  }
  expect(existsSync(file)).toBe(false)
})
