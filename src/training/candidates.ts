// Candidates for the final policy: the steps with the highest validation reward, with their weights (paper §3.3,
// "checkpoint choice"). The responses of every validation are kept, whether or not its policy is.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { trainedWeights, type Model } from '../model/model'
import { loadTensors, saveTensors } from '../model/weights'
import { tf } from '../model/tf'
import { removeFolder, putFolder } from './whole-folder'

const recordSchema = z.object({
  step: z.number().int(),
  /** Mean validation reward. */
  reward: z.number(),
  /** Greedy responses to the validation prompts, as token ids. */
  responses: z.array(z.array(z.number().int())),
  /** Reward of each response; missing from records of earlier versions. */
  rewards: z.array(z.number()).exactOptional(),
  /** What a second judge gives each; null where it gave no answer. */
  watched: z.array(z.number().nullable()).exactOptional(),
})
export type CandidateRecord = z.infer<typeof recordSchema>

export interface Candidates {
  /** Keeps the model's trained weights if this step is among the best so far. */
  consider(record: CandidateRecord, model: Model): void
  /** The candidates kept so far, best first; among equals the later step first. */
  list(): CandidateRecord[]
  /** The records of all validations so far, by step, whether or not their policies were kept. */
  all(): CandidateRecord[]
  /** Calls `use` with the policy as it was at that step; its weights are freed afterwards. */
  withPolicy(record: CandidateRecord, policy: Model, use: (policy: Model) => void): void
}

const RECORD = 'record.json'
const WEIGHTS = 'policy.safetensors'
/** Sort order: best first, among equals the later step. */
export const bestFirst = (a: CandidateRecord, b: CandidateRecord) => b.reward - a.reward || b.step - a.step

/**
 * Opens the candidates of a training run.
 * @param folder must survive failed attempts: records and weights of earlier attempts count
 * @param kept the number of candidates whose weights are kept
 */
export function openCandidates(folder: string, kept: number): Candidates {
  const padded = ({ step }: CandidateRecord) => String(step).padStart(8, '0')
  const folderOf = (record: CandidateRecord) => join(folder, `step-${padded(record)}`)
  const read = (file: string) => recordSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')))
  const named = (pattern: RegExp) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => pattern.test(name))
          .sort()
      : []
  const list = () =>
    named(/^step-\d+$/)
      .map((name) => read(join(name, RECORD)))
      .sort(bestFirst)
  const write = (file: string, record: CandidateRecord) => {
    writeFileSync(`${file}.partial`, JSON.stringify(record))
    renameSync(`${file}.partial`, file)
  }
  return {
    list,
    all: () => named(/^validation-\d+\.json$/).map(read),
    withPolicy(record, policy, use) {
      const weights = loadTensors(join(folderOf(record), WEIGHTS))
      use({ ...policy, weights: new Map([...policy.weights, ...weights]) })
      tf.dispose([...weights.values()])
    },
    consider(record, model) {
      mkdirSync(folder, { recursive: true })
      write(join(folder, `validation-${padded(record)}.json`), record)
      const others = list().filter(({ step }) => step !== record.step)
      if (others.filter((other) => bestFirst(other, record) < 0).length >= kept) return
      const staging = `${folderOf(record)}.partial-${process.pid}`
      mkdirSync(staging, { recursive: true })
      saveTensors(join(staging, WEIGHTS), trainedWeights(model))
      writeFileSync(join(staging, RECORD), JSON.stringify(record))
      putFolder(staging, folderOf(record)) // one may be left by an attempt that was killed afterwards
      for (const old of list().slice(kept)) removeFolder(folderOf(old))
    },
  }
}
