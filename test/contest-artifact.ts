// An artifact like that of stage `contest`, written by hand, for tests of what reads it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileStore } from '../src/artifacts/file-store'
import type { Artifact } from '../src/contracts/artifact'
import { writeJsonl } from '../src/json-lines'
import type { Bout, Prompted } from '../src/evaluation/comparison'

/** @param home RLAIF_HOME of the workers that will read it */
export async function writeContest(
  home: string,
  prompts: readonly Prompted[],
  bouts: readonly Bout[] = [],
  task = 'helpful',
): Promise<Artifact> {
  const store = fileStore(join(home, 'store'))
  const work = await store.begin('contest', 'by-hand')
  writeJsonl(join(work.output, 'prompts.jsonl'), prompts)
  writeJsonl(join(work.output, 'bouts.jsonl'), bouts)
  writeFileSync(join(work.output, 'result.json'), JSON.stringify({ task, judge: 'nobody' }))
  return store.commit(work, {
    stage: 'contest',
    version: 1,
    key: 'by-hand',
    seconds: 1,
    input: { seed: 1 },
    summary: { task },
  })
}

/** Prompts that policy `right` always answers best and `worst` always worst. */
export const plainPrompts = (n: number, policies = ['right', 'middle', 'worst']): Prompted[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `p${i}`,
    context: `Human: what is ${i} and one? <b>bold</b>`,
    responses: Object.fromEntries(policies.map((name) => [name, `${name} answer to ${i}`])),
  }))
