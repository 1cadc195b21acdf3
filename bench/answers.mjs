// What a label stage of 200,000 answers sends to a bucket, compared with what it leaves there.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { openSite } from '../chaos/site.mjs'
import { openS3 } from './s3.mjs'
import { openLabeler } from './scale.mjs'
import { writeSmallModel } from './scale-inputs.mjs'
import { until } from './stage-status.mjs'
import { formatBytes, formatDuration } from '../dist/number-format.js'

const PAIRS = 100_000

export async function* bench({ pairs = PAIRS }) {
  const root = temporaryFolder('rlaif-answers-')
  const labeler = await openLabeler()
  const s3 = await openS3(join(root, 's3'))
  Object.assign(process.env, s3.env)
  const file = join(root, 'rows.jsonl')
  const row = (_, i) =>
    JSON.stringify({ prompt: `Which is better, ${i}?`, responses: [`the first of ${i}`, `no, ${i}`], preferred: 1 })
  writeFileSync(file, Array.from({ length: pairs + 4 }, row).join('\n'))
  const site = await openSite(join(root, 'site'), { workers: 1 })
  try {
    await site.start({
      ...{ task: 'helpful', method: 'rlaif', untilStage: 'reward-model', model: writeSmallModel(join(root, 'model')) },
      labeler: labeler.settings,
      data: { path: file, evaluationPrompts: 4 },
      sample: { source: 'data' },
      onFailure: 'fail',
    })
    await until(site, 'label', ['running'])
    const before = s3.sent()
    const { seconds, artifact } = await until(site, 'label', ['done'])
    const sent = s3.sent() - before
    await site.client.workflow.getHandle('chaos').terminate()
    const left = (await s3.stored('answers/')) + (await s3.stored('label/'))
    const { requests } = await labeler.sent()
    yield {
      figure: 'sent-by-stored',
      ours: sent / left,
      unit: '×',
      note:
        `${requests} answers to ${artifact.summary.labels} pairs in ${formatDuration(seconds)}: ${formatBytes(sent)} ` +
        `sent, ${formatBytes(left)} of answers and labels in the bucket`,
    }
  } finally {
    await site.close()
    s3.close()
    labeler.close()
  }
}
