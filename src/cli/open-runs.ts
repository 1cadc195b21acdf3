// What open runs use of the store, asked of Temporal: running, parked and waiting ones, and what schedules will start.
import type { WorkflowHandle } from '@temporalio/client'
import type { Payload } from '@temporalio/common'
import type { Connected } from '../runs/connection'

export interface OpenRuns {
  /** Artifacts that they name: in their inputs, in results of their stages, in what runs now. */
  uris: Set<string>
  runs: number
  /** When the oldest was started. */
  since: number | undefined
}

const URI = /(?:file|s3):\/\/[^"\s\\]+/g

/** @throws when a run's history cannot be read: nothing is then known about what it needs */
export async function openRuns({ client }: Connected): Promise<OpenRuns> {
  const found: OpenRuns = { uris: new Set(), runs: 0, since: undefined }
  for await (const { workflowId, runId, startTime } of client.workflow.list({ query: 'ExecutionStatus = "Running"' })) {
    found.runs++
    found.since = Math.min(found.since ?? Infinity, startTime.getTime())
    const handle = client.workflow.getHandle(workflowId, runId)
    for (const uri of await urisOf(handle, await handle.fetchHistory())) found.uris.add(uri)
  }
  for await (const { scheduleId } of client.schedule.list()) {
    const { action } = await client.schedule.getHandle(scheduleId).describe()
    for (const uri of JSON.stringify(action.args ?? []).match(URI) ?? []) found.uris.add(uri)
  }
  return found
}

async function urisOf(handle: WorkflowHandle, history: unknown): Promise<string[]> {
  const uris: string[] = []
  for (const { data } of await decoded(handle, payloadsIn(history)))
    for (const uri of new TextDecoder().decode(data ?? undefined).match(URI) ?? []) uris.push(uri)
  return uris
}

async function decoded({ client }: WorkflowHandle, payloads: Payload[]): Promise<Payload[]> {
  for (const codec of [...client.options.loadedDataConverter.payloadCodecs].reverse())
    payloads = await codec.decode(payloads)
  return payloads
}

/** Every payload within a history. */
function payloadsIn(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return []
  if ('metadata' in value && 'data' in value) return [value as Payload]
  return Object.values(value).flatMap(payloadsIn)
}
