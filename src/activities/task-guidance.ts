// What a task gives the labelers of a stage beside its own questions: the artifact of stage `guidance`.
import { join } from 'node:path'
import type { Artifact } from '../contracts/artifact'
import { parse } from '../contracts/parse'
import { guidanceSchema, readJsonFile, type TaskGuidance } from '../data/task'
import type { StageHost } from './stage'

export const GUIDANCE_FILE = 'guidance.json'

export async function readGuidance(artifact: Artifact, host: Pick<StageHost, 'open'>): Promise<TaskGuidance> {
  const file = join(await host.open(artifact), GUIDANCE_FILE)
  return parse(guidanceSchema, readJsonFile(file), `artifacts: ${file}`)
}
