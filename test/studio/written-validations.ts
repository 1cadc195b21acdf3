// Validations as stages `rl` and `choose` really write them, of a tiny model, with hostile texts among the prompts.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { choose } from '../../src/activities/stages/choose'
import { data as dataStage } from '../../src/activities/stages/data'
import { rl } from '../../src/activities/stages/rl'
import type { Endpoint } from '../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'
import { computeStage } from '../activities/compute-stage'

export const HOSTILE = '<script>document.title = "owned"</script><img src=x onerror=alert(1)>\\"],"responses":["no'

/** Six validation prompts, three steps, two candidates. @param checkpoints of stage `rl`, as they are when it ends */
export async function writtenValidations(endpoint: Endpoint, checkpoints = temporaryFolder()) {
  const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
  const file = join(temporaryFolder(), 'rows.jsonl')
  const rows = Array.from({ length: 30 }, (_, i) => ({ prompt: i % 5 === 0 ? `Post ${i} ${HOSTILE}` : `Post ${i}` }))
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  const limits = { responseTokens: 4 }
  const labeler = { settings: { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0 } }
  const data = await computeStage(dataStage, 'data', {
    task: 'helpful',
    data: { path: file, evaluationPrompts: 4 },
    limits,
    model,
  })
  const settings = {
    ...{ algorithm: 'rloo', groupSize: 2, batchSize: 2, steps: 3, learningRate: 0.05 },
    ...{ validateEvery: 1, validationPrompts: 6, candidates: 2 },
  }
  const host = { checkpoints, run: 'run-1' }
  const trained = await computeStage(rl, 'rl', { data, policy: model, labeler, limits, settings }, host)
  const chosen = await computeStage(choose, 'choose', { data, candidates: trained, judge: labeler })
  const folderOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)
  return { trained: folderOf(trained), chosen: folderOf(chosen), checkpoints }
}
