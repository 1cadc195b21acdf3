// The file in which stage `rl` leaves its probe of the reward for the report, which loads no TensorFlow.js.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { RewardProbe } from '../evaluation/reward-probe'

const PROBE_FILE = 'probe.json'
const orNaN = z
  .number()
  .nullable()
  .transform((value) => value ?? NaN)
const testSchema = z.object({ value: z.number(), low: orNaN, high: orNaN, n: z.number().int(), p: orNaN })
const probeSchema = z.object({
  prompts: z.number().int(),
  own: z.number(),
  responses: z.array(
    z.object({ name: z.string(), text: z.string(), reward: z.number(), difference: testSchema, above: z.number() }),
  ),
})

/** Undefined for a run without a probe. */
export const readProbe = (folder: string): RewardProbe | undefined =>
  existsSync(join(folder, PROBE_FILE))
    ? probeSchema.parse(JSON.parse(readFileSync(join(folder, PROBE_FILE), 'utf8')))
    : undefined

/** All of it or nothing. */
export function writeProbe(folder: string, probe: RewardProbe): void {
  const file = join(folder, PROBE_FILE)
  writeFileSync(`${file}.partial`, JSON.stringify(probe))
  renameSync(`${file}.partial`, file)
}
