// Candidates for the final policy: the steps with the highest validation reward, their weights kept (paper §3.3, "checkpoint choice").
// What the policy answered is kept of every validation.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { trainedWeights, type Model } from '../model/model'
import { loadTensors, saveTensors } from '../model/weights'
import { tf } from '../model/tf'

const recordSchema = z.object({
  step: z.number().int(),
  /** Mean validation reward. */
  reward: z.number(),
  /** Greedy responses to the validation prompts, as token ids. */
  responses: z.array(z.array(z.number().int())),
})
export type CandidateRecord = z.infer<typeof recordSchema>

export interface Candidates {
  /** Keeps the model's trained weights if this step is among the best so far. */
  consider(record: CandidateRecord, model: Model): void
  /** Best first; of equals the later. */
  list(): CandidateRecord[]
  /** Every validation so far, whether its policy was kept or not, by step. */
  all(): CandidateRecord[]
  /** Calls `use` with the policy as it was at that step. */
  withPolicy(record: CandidateRecord, policy: Model, use: (policy: Model) => void): void
}

const RECORD = 'record.json'
const WEIGHTS = 'policy.safetensors'
const best = (a: CandidateRecord, b: CandidateRecord) => b.reward - a.reward || b.step - a.step

/** @param folder survives failed attempts; @param kept how many */
export function openCandidates(folder: string, kept: number): Candidates {
  const padded = ({ step }: CandidateRecord) => String(step).padStart(8, '0')
  const place = (record: CandidateRecord) => join(folder, `step-${padded(record)}`)
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
      .sort(best)
  const write = (file: string, record: CandidateRecord) => {
    writeFileSync(`${file}.partial`, JSON.stringify(record))
    renameSync(`${file}.partial`, file)
  }
  return {
    list,
    all: () => named(/^validation-\d+\.json$/).map(read),
    withPolicy(record, policy, use) {
      const weights = loadTensors(join(place(record), WEIGHTS))
      use({ ...policy, weights: new Map([...policy.weights, ...weights]) })
      tf.dispose([...weights.values()])
    },
    consider(record, model) {
      mkdirSync(folder, { recursive: true })
      write(join(folder, `validation-${padded(record)}.json`), record)
      const others = list().filter(({ step }) => step !== record.step)
      if (others.filter((other) => best(other, record) < 0).length >= kept) return
      const staging = `${place(record)}.partial-${process.pid}`
      mkdirSync(staging, { recursive: true })
      saveTensors(join(staging, WEIGHTS), trainedWeights(model))
      writeFileSync(join(staging, RECORD), JSON.stringify(record))
      rmSync(place(record), { recursive: true, force: true }) // of an attempt that was killed after it
      renameSync(staging, place(record))
      for (const old of list().slice(kept)) rmSync(place(old), { recursive: true, force: true })
    },
  }
}
