// Stage `label`: a soft preference for each pair of samples. A pair whose label failed is written down with its reason.
import { join } from 'node:path'
import { readJsonl, writeJsonl } from '../data/jsonl'
import { isUnanswered } from '../feedback/labeler'
import { choseSameSlot, judgePairs } from '../feedback/preference'
import { openLabeler } from './labeler'
import { readData, sampleSchema, type Labelled } from './rows'
import { measured, type Stage } from './stage'

export const label: Stage<'label'> = {
  async run(input, host) {
    const { task } = readData(host.open(input.data))
    const samples = readJsonl(join(host.open(input.samples), 'samples.jsonl'), sampleSchema)
    const { labeler, technique, spent } = openLabeler(input.labeler, host)
    const pairs = samples.map(({ context, first, second }) => ({ context, first: first.text, second: second.text }))
    const preferences = await judgePairs(labeler, task, pairs, technique, input.seed, measured(host, 'labelling', pairs.length, 'pairs'))
    const labels: Labelled[] = []
    const without: WithoutLabel[] = []
    preferences.forEach((preference, i) => {
      if (isUnanswered(preference)) without.push({ id: samples[i]!.id, reason: preference.failed, tooLong: preference.tooLong ?? false })
      else labels.push({ ...samples[i]!, ...preference, labeler: labeler.name })
    })
    const failed = without.filter(({ tooLong }) => !tooLong)
    refuseTooMany(failed, samples.length, labels.length, input.settings.maxFailedShare)
    writeJsonl(join(host.output, 'labels.jsonl'), labels)
    writeJsonl(join(host.output, 'failures.jsonl'), without)
    const bothOrders = labels.flatMap((label) => choseSameSlot(label) ?? [])
    return {
      labeler: labeler.name,
      labels: labels.length,
      failed: failed.length,
      tooLong: without.length - failed.length,
      bounded: labels.filter(({ bounded }) => bounded).length,
      sameSlotShare: bothOrders.length > 0 ? bothOrders.filter(Boolean).length / bothOrders.length : null,
      meanConfidence: labels.reduce((sum, { preferFirst }) => sum + Math.abs(2 * preferFirst - 1), 0) / labels.length,
      ...spent(),
    }
  },
}

interface WithoutLabel {
  id: string
  reason: string
  /** Longer than the labeler's context: left out by rule, counted apart. */
  tooLong: boolean
}

/** Nothing is lost when this throws: answers are kept, and another attempt asks only what failed. */
function refuseTooMany(failures: readonly WithoutLabel[], total: number, labelled: number, allowed: number): void {
  if (labelled > 0 && failures.length / total <= allowed) return
  const reasons = [...new Set(failures.map(({ reason }) => reason))].slice(0, 3).join('; ')
  throw new Error(`label: ${failures.length} of ${total} labels failed, ${labelled} were given, label.maxFailedShare allows ${allowed * 100} %: ${reasons || 'every pair is longer than the context of the labeler'}`)
}
