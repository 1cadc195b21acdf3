// The shift of a reward model: subtracted from its scores, so that they average 0 on responses of the SFT model's kind.
// Common classifier heads have no bias, so the shift is a file next to the weights.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { mean } from '../mean'
import type { Model } from '../model/model'
import type { Sequence } from '../training/gradients'
import { rewards } from '../training/reward-model'

const FILE = 'reward-shift.json'
const schema = z.object({ shift: z.number() })

/** At most this many responses are averaged. */
export const MAX_RESPONSES = 256

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
  onScored?: (done: number) => void,
): Promise<RewardShift> {
  const averaged = references.length > 0 ? references : labelled
  return {
    shift: mean(await rewards(model, averaged.slice(0, MAX_RESPONSES), batchSize, onScored)),
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
