// What is taken off a reward model's scores so that they average 0, beside its weights: common classifier heads have no bias.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const FILE = 'reward-shift.json'
const schema = z.object({ shift: z.number() })

export function writeRewardShift(folder: string, shift: number): void {
  writeFileSync(join(folder, FILE), JSON.stringify({ shift }))
}

export const readRewardShift = (folder: string): number =>
  schema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8'))).shift
