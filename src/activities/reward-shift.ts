// The shift of a reward model: subtracted from its scores, so that they average 0 on responses of the SFT model's kind.
// Common classifier heads have no bias, so the shift is a file next to the weights.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const FILE = 'reward-shift.json'
const schema = z.object({ shift: z.number() })

/** At most this many responses are averaged. */
export const MAX_RESPONSES = 256

export function writeRewardShift(folder: string, { shift }: { shift: number }): void {
  writeFileSync(join(folder, FILE), JSON.stringify({ shift }))
}

/** @returns a function that subtracts the shift of the reward model in `folder` from its scores */
export function readRewardShift(folder: string): (scores: readonly number[]) => number[] {
  const { shift } = schema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
  return (scores) => scores.map((score) => score - shift)
}
