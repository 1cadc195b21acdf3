// What this machine computes on and how fast, measured in a process of its own: a native part that fails to load can end
// its process, and the command itself never loads TensorFlow.js.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Device } from '../model/device'
import type { PrecisionSpeed } from '../model/precision-speed'

/** What TensorFlow.js computes on and how fast, or why it does not load. */
export function checkDevice(): (Device & PrecisionSpeed) | { failed: string } {
  const module = (name: string) => JSON.stringify(join(__dirname, '..', 'model', name))
  const script =
    `JSON.stringify({ ...require(${module('device.js')}).describeDevice(), ` +
    `...require(${module('precision-speed.js')}).measurePrecision() })`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-p', script], { encoding: 'utf8' })
  return status === 0 ? (JSON.parse(stdout) as Device & PrecisionSpeed) : { failed: stderr }
}

/** Whether the processor has instructions for bfloat16: without them it is slower than float32. */
export const hasHalfPrecision = ({ bfloat16 }: PrecisionSpeed): boolean => bfloat16 > 1
