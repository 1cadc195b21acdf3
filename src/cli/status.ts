// `rlaif status` and `rlaif report`: the latest runs, the state of one, and its report.
import { join } from 'node:path'
import { defineSearchAttributeKey } from '@temporalio/common'
import { folderOf } from '../artifacts/open-store'
import { InvalidInput } from '../contracts/parse'
import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes'
import { openHome } from '../workers/home'
import { runPage, type Connected } from './connection'
import { existingRun, refuseEnded } from './existing-run'
import { reasonOf } from './failure'
import { parkedLines } from './parked'
import { lines, snapshot } from './progress'
import { REPORT, reportOf, resultLines } from './run'
import { table } from './terminal'
import { formatDuration } from '../number-format'

const SHOWN = 20
const STATUS = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD')

/** The latest runs, newest first. */
export async function listRuns({ client }: Connected): Promise<string[]> {
  const rows: string[][] = [['RUN', 'WORKFLOW', 'STATE', 'STARTED', 'TOOK']]
  for await (const run of client.workflow.list()) {
    const { workflowId, type, status, startTime, closeTime, typedSearchAttributes } = run
    if (rows.length > SHOWN) break
    const isParked = status.name === 'RUNNING' && typedSearchAttributes.get(STATUS) === 'parked'
    rows.push([
      workflowId,
      type,
      isParked ? 'parked' : status.name.toLowerCase(),
      startTime.toISOString().slice(0, 19).replace('T', ' '),
      closeTime ? formatDuration((closeTime.getTime() - startTime.getTime()) / 1000) : '',
    ])
  }
  if (rows.length === 1) return ['no runs yet; start one with `rlaif run align`, or from the UI']
  return table(rows)
}

/** The state of a run: its stages, and its results or the reason of its failure. */
export async function describeRun(connected: Connected, id: string): Promise<string[]> {
  const handle = await existingRun(connected, id)
  const { status, runId, type } = await handle.describe()
  const page = runPage(connected, id, runId)
  const head = [`${id}: ${type}, ${status.name.toLowerCase()}`, ...(page ? [page] : [])]
  const now = await snapshot(handle)
  const stages = lines(now)
  const parked = now.stages.find(({ state }) => state === 'parked')
  if (status.name === 'RUNNING')
    return [
      ...head,
      ...(stages.length > 0 ? stages : ['  no worker answers for this run']),
      ...(parked ? parkedLines(id, parked) : []),
    ]
  return [...head, ...stages, ...(await handle.result().then(resultLines, (error: unknown) => [reasonOf(error)]))]
}

/** The report file of a finished run; a local copy if the store is a bucket. */
export async function reportFile(connected: Connected, id: string): Promise<string> {
  const handle = await existingRun(connected, id)
  const now = await handle.describe()
  if (now.status.name === 'RUNNING')
    throw new InvalidInput(`report: ${id} is still running; \`rlaif status ${id}\` shows its progress`)
  if (now.status.name !== 'COMPLETED') refuseEnded(now, 'report', `it has no report; \`rlaif status ${id}\` says why`)
  const report = reportOf(await handle.result())
  if (!report)
    throw new InvalidInput(
      `report: ${id} has no report, as a run of a single stage makes none; ` +
        `\`rlaif status ${id}\` prints the path of its artifact`,
    )
  return join(await folderOf(openHome(), report.uri), REPORT)
}
