// Work that falls apart into rows, shared by all workers of a queue: each shard an activity and an artifact, put together
// by a light one (design decision 18). Only what is too much for one worker is split.
import { CancellationScope, patched } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import { isEndpoint, membersOf, type EndpointSettings } from '../contracts/labeler-settings'
import type { Queues } from '../contracts/queues'
import type { Cache, Shards } from '../contracts/run-settings'
import { BLOCK_PAIRS, BLOCK_ROWS } from '../contracts/shard'
import type { StageInput, StageName, StageResult } from '../contracts/stages'
import type { StageTrack } from '../contracts/track'
import { summaryOf } from './describe'
import { finalFailure, wasHandedBack } from './failure'
import { queueOf } from './queues'
import { stageActivities } from './stage-activities'

/** Rows of a shard where the run does not say it; an endpoint is asked faster than a device answers. */
const SHARD_ROWS = 256
const ASKED_ROWS = 1024
/** Bounds a run's history, which holds a few kilobytes of each. */
const MOST_SHARDS = 128
/** Shards of a stage that wait for a worker or are with one: what else is queued gets its turn meanwhile. */
const AT_ONCE = 40

/** How a stage's work is split. */
export interface Split {
  of: number
  atOnce: number
}

/** What a stage falls apart into; undefined for one that does not. */
interface Parts {
  rows: number
  /** Rows that no shard divides. */
  block: number
  /** Shards at once. */
  workers: number
  /** Whether an endpoint answers. */
  isAsked?: boolean
}

function partsOf(stage: StageName, input: object, labelWorkers: number): Parts | undefined {
  if (stage === 'sample') {
    const { data, settings } = input as StageInput<'sample'>
    if (settings.source !== 'data') return { rows: Number(data.summary.train), block: BLOCK_ROWS, workers: AT_ONCE }
  }
  if (stage === 'respond') {
    const { data } = input as StageInput<'respond'>
    return { rows: Number(data.summary.evaluation), block: BLOCK_ROWS, workers: AT_ONCE }
  }
  if (stage === 'label') {
    const { samples, labeler } = input as StageInput<'label'>
    const endpoints = membersOf(labeler.settings).filter(isEndpoint)
    const isAsked = endpoints.length > 0
    const workers = isAsked ? endpoints.map((one) => askingWorkers(labelWorkers, one))[0]! : AT_ONCE
    return { rows: Number(samples.summary.pairs), block: BLOCK_PAIRS, workers, isAsked }
  }
  return undefined
}

/** An endpoint is asked by as many workers as the run says. @throws where a limit could hold for one of them only */
function askingWorkers(workers: number, labeler: EndpointSettings): number {
  const limit = OF_THE_STAGE.find((name) => labeler[name] !== undefined)
  if (workers === 1 || limit === undefined) return workers
  throw finalFailure(
    `label: field "labeler.${limit}" is a limit of the whole stage, which ${workers} workers cannot keep together; ` +
      `leave out "labeler.${limit}" or "shards.labelWorkers"`,
    'InvalidInput',
  )
}
const OF_THE_STAGE = ['maxCost', 'requestsPerMinute', 'tokensPerMinute'] as const

/** How a stage is split; undefined where one worker does it. Ray spreads its work itself. */
export function splitOf(stage: StageName, input: object, shards: Shards): Split | undefined {
  if ('engine' in input && input.engine) return undefined
  const parts = partsOf(stage, input, shards?.labelWorkers ?? 1)
  const rows = shards?.rows ?? (parts?.isAsked ? ASKED_ROWS : SHARD_ROWS)
  if (!parts || parts.workers < 2 || !(parts.rows > 2 * rows)) return undefined
  const of = Math.min(MOST_SHARDS, Math.ceil(parts.rows / Math.max(parts.block, rows)))
  return of > 1 && patched('shards') ? { of, atOnce: parts.workers } : undefined
}

interface SplitStage<N extends StageName> {
  stage: N
  input: StageInput<N>
  shownAs: string
  queues: Queues
  cache: Cache
  /** Whether finished work is looked for first: the same in a run that was reset, whatever it finds. */
  looksInStore: boolean
  /** The tracker that is told of the whole. */
  track?: StageTrack | undefined
  /** Called as each shard ends. */
  onShard(done: number, result: StageResult): void
}

/** Runs a stage in shards, and puts them together. @throws the failure of the first shard that fails for good */
export async function runInShards<N extends StageName>(
  { of, atOnce }: Split,
  { stage, input, shownAs, queues, cache, looksInStore, track, onShard }: SplitStage<N>,
): Promise<StageResult> {
  const light = stageActivities(queues.light, `${shownAs}: shards together`)
  const found = looksInStore ? await light.findStage({ stage, input: { ...input, cache } }) : null
  if (found) return { ...found, reused: true }
  const runShard = async (index: number): Promise<Artifact> => {
    const summary = `${index + 1} of ${of}: ${summaryOf(shownAs, stage, input)}`
    const activities = stageActivities(queueOf(stage, input, queues), summary)
    const run = activities[stage] as (input: unknown) => Promise<StageResult>
    const result = await untilFinished(() => run({ ...input, cache, shard: { index, of } }))
    onShard(++done, result)
    return referenceOf(result)
  }
  let done = 0
  const shards = await inTurn(of, atOnce, runShard)
  const gather = light[stage] as (input: unknown) => Promise<StageResult>
  const together = { ...input, cache, shards, ...(track && { track }) }
  const { spent: _, seconds: __, ...whole } = await untilFinished(() => gather(together))
  return whole
}

const referenceOf = ({ uri, sha256, bytes, summary }: Artifact): Artifact => ({ uri, sha256, bytes, summary })

/** Again, as often as the worker was shut down. */
async function untilFinished<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!wasHandedBack(error)) throw error
    }
  }
}

/** Calls `work` with 0, 1, … `count` − 1, `atOnce` at a time. The first failure cancels the others. */
async function inTurn<T>(count: number, atOnce: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  const waiting = Array.from({ length: count }, (_, index) => index).values()
  const next = async () => {
    for (const index of waiting) results[index] = await work(index)
  }
  return CancellationScope.cancellable(async () => {
    try {
      await Promise.all(Array.from({ length: Math.min(atOnce, count) }, next))
    } catch (error) {
      CancellationScope.current().cancel()
      throw error
    }
    return results
  })
}
