// Stage `label`: a soft preference for each pair of samples. A pair whose label failed is written down with its reason.
import { join } from 'node:path'
import { readJsonl, writeJsonl } from '../data/jsonl'
import { isUnanswered } from '../feedback/labeler'
import { choseSameSlot, judgePairs } from '../feedback/preference'
import { openLabeler } from './labeler'
import { readData, sampleSchema, type Labelled } from './rows'
import { counted, type Stage } from './stage'

export const label: Stage<'label'> = {
  async run(input, host) {
    const { task } = readData(host.open(input.data))
    const samples = readJsonl(join(host.open(input.samples), 'samples.jsonl'), sampleSchema)
    const labeler = openLabeler(input.labeler, host)
    const pairs = samples.map(({ context, first, second }) => ({ context, first: first.text, second: second.text }))
    const preferences = await judgePairs(labeler, task, pairs, counted(host, 'labelling', pairs.length, 'pairs'))
    const labels: Labelled[] = []
    const failures: { id: string; reason: string }[] = []
    preferences.forEach((preference, i) => {
      if (isUnanswered(preference)) failures.push({ id: samples[i]!.id, reason: preference.failed })
      else labels.push({ ...samples[i]!, ...preference, labeler: labeler.name })
    })
    refuseTooMany(failures, samples.length, input.settings.maxFailedShare)
    writeJsonl(join(host.output, 'labels.jsonl'), labels)
    writeJsonl(join(host.output, 'failures.jsonl'), failures)
    return {
      labeler: labeler.name,
      labels: labels.length,
      failed: failures.length,
      sameSlotShare: labels.filter(choseSameSlot).length / labels.length,
      meanConfidence: labels.reduce((sum, { preferFirst }) => sum + Math.abs(2 * preferFirst - 1), 0) / labels.length,
    }
  },
}

function refuseTooMany(failures: readonly { id: string; reason: string }[], total: number, allowed: number): void {
  if (total > 0 && failures.length < total && failures.length / total <= allowed) return
  const reasons = [...new Set(failures.map(({ reason }) => reason))].slice(0, 3).join('; ')
  throw new Error(`label: ${failures.length} of ${total} labels failed, label.maxFailedShare allows ${allowed * 100} %: ${reasons}`)
}
