// What a run was started with.
import type { Client } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'
import { isRecord } from '../contracts/overlay'
import { parse } from '../contracts/parse'
import { workflowSchemas, type WorkflowName } from '../contracts/workflow-inputs'
import { decodedBy } from './payloads'

/** What a run was started with, as the first event of its history has it; no other is read. */
export async function inputOf(client: Client, workflowId: string, runId?: string): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, ...(runId !== undefined && { runId }) },
    maximumPageSize: 1,
  })
  const payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? []
  const [payload] = await decodedBy(client, payloads)
  return payload && defaultPayloadConverter.fromPayload(payload)
}

/** An input with its defaults, without what a run hands to its own continuation. */
export function settingsOf(workflow: WorkflowName, input: unknown): unknown {
  const { carried: _, ...own } = isRecord(input) ? input : {}
  const given = isRecord(input) ? own : input
  try {
    return parse(workflowSchemas[workflow], given, workflow)
  } catch {
    return given // of another version
  }
}

/** The single values of an input by their paths, e.g. "rl.steps", in its order; an empty list or object is a value. */
export function fieldsIn(value: unknown, path = ''): Map<string, unknown> {
  const inner = isRecord(value) ? Object.entries(value) : []
  if (inner.length === 0) return new Map(value === undefined ? [] : [[path, value]])
  return new Map(inner.flatMap(([name, one]) => [...fieldsIn(one, path ? `${path}.${name}` : name)]))
}
