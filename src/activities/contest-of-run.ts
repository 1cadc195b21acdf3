// The contest that a comparison has made, asked of Temporal by the id of its run: workflows cannot ask.
import { Context } from '@temporalio/activity'
import { WorkflowNotFoundError } from '@temporalio/common'
import { z } from 'zod'
import { artifactSchema, type Artifact } from '../contracts/artifact'
import type { ContestOfRun } from '../contracts/human-evaluation-input'
import { InvalidInput } from '../contracts/parse'
import { asActivityFailure, type StageEnvironment } from './execute-stage'

const resultSchema = z.object({ contests: z.array(artifactSchema).min(1) })
const contestInputSchema = z.object({ seed: z.number() })

const refused = (run: string, why: string) =>
  new InvalidInput(`humanEvaluation: field "contest" names the run "${run}", ${why}`)

/** @throws a failure that says why the run has no contest, or none of this seed */
export async function contestOfRun(environment: StageEnvironment, { run, seed }: ContestOfRun): Promise<Artifact> {
  try {
    const contests = await contestsOf(run)
    return seed === undefined ? contests[0]! : await contestOfSeed(environment, contests, { run, seed })
  } catch (error) {
    throw asActivityFailure(error, environment.home)
  }
}

async function contestsOf(run: string): Promise<Artifact[]> {
  const handle = Context.current().client.workflow.getHandle(run)
  const { status, type } = await handle.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) throw refused(run, 'which there is not; `rlaif status` lists the runs')
    throw error
  })
  if (type !== 'compare') throw refused(run, `which is one of ${type}; only a run of compare has a contest`)
  if (status.name === 'RUNNING') throw refused(run, 'which has not ended yet; start the evaluation when it has')
  if (status.name !== 'COMPLETED') throw refused(run, `which is ${status.name.toLowerCase()}: it has no contest`)
  const result = resultSchema.safeParse(await handle.result()).data
  if (!result) throw refused(run, 'whose result names no contest; give the URI of the one in its report instead')
  return result.contests
}

async function contestOfSeed(
  { store }: StageEnvironment,
  contests: readonly Artifact[],
  { run, seed }: Required<ContestOfRun>,
): Promise<Artifact> {
  const seeds: number[] = []
  for (const contest of contests) {
    const { manifest } = await store.open(contest, 'text')
    const made = contestInputSchema.parse(manifest.input).seed
    if (made === seed) return contest
    seeds.push(made)
  }
  throw refused(run, `a comparison without seed ${seed}: there are ${seeds.join(', ')}`)
}
