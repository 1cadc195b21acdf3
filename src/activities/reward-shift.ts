// The shift of a reward model: subtracted from its scores, so that they average 0 on responses of the SFT model's kind.
// Common classifier heads have no bias, so the shift is a file next to the weights.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Limits } from '../contracts/settings'
import type { Row } from '../data/row'
import { mean } from '../mean'
import { stopIds, type LoadedModel } from '../model/loaded'
import type { Model } from '../model/model'
import type { Sequence } from '../training/gradients'
import { rewards } from '../training/reward-model'
import { promptIds } from './rows'

const FILE = 'reward-shift.json'
const schema = z.object({ shift: z.number() })

/** At most this many responses are averaged. */
const MAX_RESPONSES = 256

/** The data's reference responses, as many as the shift averages. */
export function referenceSequences(rows: readonly Row[], loaded: LoadedModel, limits: Limits): Sequence[] {
  const [end] = stopIds(loaded)
  return rows
    .filter(({ reference }) => reference !== undefined)
    .slice(0, MAX_RESPONSES)
    .map((row) => ({
      prompt: promptIds(loaded, row),
      response: [...loaded.tokenizer.encode(row.reference!).slice(0, limits.responseTokens - 1), end!],
    }))
}

export interface RewardShift {
  shift: number
  shiftedOn: 'references' | 'labelled responses'
}

/** The mean score of the references; of labelled responses where the data has no references. */
export async function computeRewardShift(
  model: Model,
  references: readonly Sequence[],
  labelled: readonly Sequence[],
  batchSize: number,
): Promise<RewardShift> {
  const averaged = references.length > 0 ? references : labelled
  return {
    shift: mean(await rewards(model, averaged.slice(0, MAX_RESPONSES), batchSize)),
    shiftedOn: references.length > 0 ? 'references' : 'labelled responses',
  }
}

export function writeRewardShift(folder: string, { shift }: RewardShift): void {
  writeFileSync(join(folder, FILE), JSON.stringify({ shift }))
}

/** @returns a function that subtracts the shift of the reward model in `folder` from its scores */
export function readRewardShift(folder: string): (scores: readonly number[]) => number[] {
  const { shift } = schema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
  return (scores) => scores.map((score) => score - shift)
}
