// Area `workflows`: inputs of every workflow and messages to running ones. Each is taken or refused with a message,
// within 2 s; some of them also by real workflows on a real server, where no workflow task may fail.
import { readAll } from './readers.mjs'
import { KINDS, WORKFLOWS } from './workflow-inputs.mjs'
import { fuzzRuns } from './workflow-runs.mjs'

export const describe = 'inputs of every workflow and message, as many of each: refused within 2 s, no failed task'

/** Of so many inputs of a workflow one also starts a run. */
const INPUTS_PER_RUN = 250
const LEAST_RUNS = 3

/** @returns findings, one line each */
export async function fuzz({ count, seed, jobs }) {
  const reader = { program: './workflow-reader.mjs', kinds: KINDS, mostMs: 2_000, hungMs: 10_000 }
  const findings = await readAll(reader, { count: count * KINDS.length, seed, jobs })
  const runs = WORKFLOWS.length * Math.max(LEAST_RUNS, Math.round(count / INPUTS_PER_RUN))
  return [...findings, ...(await fuzzRuns({ runs, seed }))]
}
