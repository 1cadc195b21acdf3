// A stage in shards on one worker and on four: labelling by an endpoint that takes 50 ms, one request at a time a worker.
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { openSite } from '../chaos/site.mjs'
import { writeSmallModel } from './scale-inputs.mjs'
import { until } from './stage-status.mjs'
import { formatDuration } from '../dist/number-format.js'

const DELAY_MS = 50
const PAIRS = 4096

/** @returns the port of an endpoint that answers after a delay */
async function openEndpoint() {
  const child = fork(fileURLToPath(new URL('./label-endpoint.mjs', import.meta.url)), [String(DELAY_MS)])
  const port = await new Promise((done) => child.once('message', done))
  return { baseUrl: `http://127.0.0.1:${port}/v1`, close: () => child.kill() }
}

/** @returns seconds of the stage, and its digest */
async function labelled(root, workers, input) {
  const site = await openSite(join(root, `workers-${workers}`), { workers: 4 })
  try {
    await site.start({ ...input, shards: { labelWorkers: workers } })
    const { seconds, artifact } = await until(site, 'label', ['done'])
    await site.client.workflow.getHandle('chaos').terminate()
    return { seconds, sha256: artifact.sha256 }
  } finally {
    await site.close()
  }
}

export async function* bench({ pairs = PAIRS }) {
  const root = temporaryFolder('rlaif-shards-')
  const endpoint = await openEndpoint()
  const file = join(root, 'rows.jsonl')
  const row = (_, i) => JSON.stringify({ prompt: `Question ${i}?`, responses: [`yes ${i}`, `no ${i}`], preferred: 1 })
  writeFileSync(file, Array.from({ length: pairs + 4 }, row).join('\n'))
  const input = {
    ...{ task: 'helpful', method: 'rlaif', untilStage: 'reward-model', model: writeSmallModel(join(root, 'model')) },
    labeler: { baseUrl: endpoint.baseUrl, model: 'waits', concurrency: 1 },
    data: { path: file, evaluationPrompts: 4 },
    sample: { source: 'data' },
    onFailure: 'fail',
  }
  try {
    const four = await labelled(root, 4, input)
    const one = await labelled(root, 1, input)
    yield {
      figure: 'label-workers',
      ours: one.seconds / four.seconds,
      unit: '×',
      note:
        `${pairs} pairs, ${DELAY_MS} ms a question: ${formatDuration(one.seconds)} by one worker, ` +
        `${formatDuration(four.seconds)} by four; the same bytes: ${one.sha256 === four.sha256}`,
    }
  } finally {
    endpoint.close()
  }
}
