// Labelling alone at the paper's number of pairs, by four workers and an endpoint that answers at once: how time, and the
// workers' computation, which other programs on the machine do not slow down, grow from a tenth to the whole.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSite, processesOf } from '../chaos/site.mjs'
import { text } from './scale-inputs.mjs'
import { until } from './stage-status.mjs'
import { formatDuration } from '../dist/number-format.js'

const TICKS_PER_SECOND = 100

/** Seconds that the site's workers have computed, with their children that have ended. */
function computed(folder) {
  const seconds = processesOf(folder).map((line) => {
    if (/temporal/.test(line)) return 0
    try {
      const stat = readFileSync(`/proc/${line.split(' ')[0]}/stat`, 'utf8')
      const times = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 16) // proc(5): utime, stime, cutime, cstime
      return times.reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND
    } catch {
      return 0 // ended
    }
  })
  return seconds.reduce((a, b) => a + b, 0)
}

async function labelled({ pairs, root, model, labeler }) {
  const folder = join(root, `label-${pairs}`)
  const file = join(root, `pairs-${pairs}.jsonl`)
  const row = (i) => ({
    prompt: `${i} ${text(i, 40 + (i % 121))}`,
    responses: [text(i + 2e6, 6 + (i % 6)), text(i + 3e6, 5 + (i % 5))],
    preferred: 1,
  })
  writeFileSync(file, Array.from({ length: pairs + 4 }, (_, i) => JSON.stringify(row(i))).join('\n'))
  const site = await openSite(folder, { workers: 4 })
  try {
    await site.start({
      ...{ method: 'rlaif', untilStage: 'reward-model', task: 'summarization', model, labeler },
      data: { path: file, evaluationPrompts: 4 },
      limits: { promptTokens: 512, responseTokens: 32 },
      sample: { source: 'data' },
      shards: { labelWorkers: 4 },
      onFailure: 'fail',
    })
    await until(site, 'label', ['running'])
    const before = computed(folder)
    const { seconds, artifact } = await until(site, 'label', ['done'])
    const work = computed(folder) - before
    await site.client.workflow.getHandle('chaos').terminate()
    return { seconds, work, labels: artifact.summary.labels }
  } finally {
    await site.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** @param pairs of the whole */
export async function* labelAlone({ pairs, ...site }) {
  const tenth = await labelled({ ...site, pairs: Math.round(pairs / 10) })
  const whole = await labelled({ ...site, pairs })
  const growth = (of) => ({ ours: whole[of] / tenth[of], unit: '×' })
  const said = (of) => [tenth, whole].map((run) => `${formatDuration(run[of])} for ${run.labels} pairs`).join(', ')
  yield { figure: 'growth label', ...growth('seconds'), note: `time: ${said('seconds')}; 10 is linear` }
  yield { figure: 'growth label, work', ...growth('work'), note: `computed by the workers: ${said('work')}` }
}
