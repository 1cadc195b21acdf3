// A run in progress under the ID of one that is to be started: it is joined if it does the same, and never taken for
// another one.
import type { Client, WorkflowHandle } from '@temporalio/client'
import { isRecord } from '../contracts/overlay'
import { InvalidInput } from '../contracts/parse'
import type { WorkflowName } from '../contracts/workflow-inputs'
import { inputOf, settingsOf } from './run-input'

const MOST_DIFFERENCES = 3
const MOST_CHARACTERS = 60

/**
 * The run in progress with this ID.
 * @returns undefined when it has ended meanwhile
 * @throws InvalidInput when it is of another workflow, or its input is another, naming the fields that differ
 */
export async function joinRun(
  client: Client,
  workflow: WorkflowName,
  { id, input }: { id: string; input: unknown },
): Promise<WorkflowHandle | undefined> {
  const handle = client.workflow.getHandle(id)
  const { status, type, runId } = await handle.describe()
  if (status.name !== 'RUNNING') return undefined
  const advice = 'give this run another --id, or end that one first'
  if (type !== workflow) throw new InvalidInput(`a run of ${type} with the ID "${id}" is in progress; ${advice}`)
  const theirs = await inputOf(client, id, runId)
  const differing = differences(settingsOf(workflow, theirs), settingsOf(workflow, input))
  if (differing.length === 0) return handle
  const shown = differing.slice(0, MOST_DIFFERENCES).join('; ')
  const more = differing.length > MOST_DIFFERENCES ? `; and ${differing.length - MOST_DIFFERENCES} more` : ''
  throw new InvalidInput(
    `a run with the ID "${id}" is in progress with another input: ${shown}${more}. To start this one, ${advice}`,
  )
}

/** Each field that differs, with both values. */
function differences(there: unknown, here: unknown, path = ''): string[] {
  if (isRecord(there) && isRecord(here)) {
    const names = [...new Set([...Object.keys(there), ...Object.keys(here)])]
    return names.flatMap((name) => differences(there[name], here[name], path ? `${path}.${name}` : name))
  }
  return JSON.stringify(there) === JSON.stringify(here)
    ? []
    : [`${path ? `field "${path}"` : 'the input'} is ${shown(there)} there and ${shown(here)} here`]
}

const shown = (value: unknown): string => {
  const text = value === undefined ? 'not given' : JSON.stringify(value)
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}
