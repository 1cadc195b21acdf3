// Fake stages that do nothing, or fail where a test needs it, and the recording of histories of runs on them.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import { temporal } from '@temporalio/proto'
import { stageSchemas, type StageName } from '../../src/contracts/stages'

export type Inputs = { stage: StageName; input: Record<string, unknown> }[]

/**
 * Fakes of all stages.
 * @param fail throws where the test needs a failure
 * @param figures added to the summary of every artifact
 */
export function fakes(
  fail: (stage: StageName, input: Record<string, unknown>) => void = () => {},
  figures: object = {},
) {
  const asked: Inputs = []
  const stage = (name: StageName) => (input: Record<string, unknown>) => {
    asked.push({ stage: name, input })
    fail(name, input)
    return Promise.resolve({
      uri: `file:///store/${name}/${asked.length}`,
      sha256: '0'.repeat(64),
      bytes: 1,
      summary: { task: 'summarization', candidates: 2, labeler: 'x', ...figures },
      reused: false,
    })
  }
  return {
    asked,
    activities: {
      ...Object.fromEntries((Object.keys(stageSchemas) as StageName[]).map((name) => [name, stage(name)])),
      findStage: () => Promise.resolve(null),
      checkNames: () => Promise.resolve(null),
    } as Record<string, (input: Record<string, unknown>) => Promise<object | null>>,
  }
}

/** Removes what names the machine that a history was recorded on. */
function withoutPlaces<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const [name, inner] of Object.entries(value)) {
    if (name === 'identity' || name === 'stackTrace') Object.assign(value, { [name]: '' })
    else withoutPlaces(inner)
  }
  return value
}

/**
 * RLAIF_RECORD=1 adds the history of a new control-flow shape to those that replay.test.ts replays; an existing one is
 * never overwritten.
 */
export async function record(handle: WorkflowHandle, shape: string): Promise<void> {
  const file = join(__dirname, 'histories', `${shape}.bin`)
  if (process.env.RLAIF_RECORD && !existsSync(file))
    writeFileSync(file, temporal.api.history.v1.History.encode(withoutPlaces(await handle.fetchHistory())).finish())
}
