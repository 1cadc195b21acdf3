// `rlaif status` and `rlaif report`: what runs there are, how one stands, where its report is.
import { join } from 'node:path'
import { defineSearchAttributeKey } from '@temporalio/common'
import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes'
import { runPage, type Connected } from './connection'
import { reasonOf } from './failure'
import { duration, lines, snapshot } from './progress'
import { existing } from './existing-run'
import { parkedLines } from './parked'
import { homeFolder } from '../workers/home'
import { folderOf } from '../artifacts/open-store'
import { REPORT, reportOf, resultLines } from './run'

const SHOWN = 20
const STATUS = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD')

/** The latest runs, newest first. */
export async function listRuns({ client }: Connected): Promise<string[]> {
  const rows: string[][] = [['RUN', 'WORKFLOW', 'STATE', 'STARTED', 'TOOK']]
  for await (const {
    workflowId,
    type,
    status,
    startTime,
    closeTime,
    typedSearchAttributes,
  } of client.workflow.list()) {
    if (rows.length > SHOWN) break
    const isParked = status.name === 'RUNNING' && typedSearchAttributes.get(STATUS) === 'parked'
    rows.push([
      workflowId,
      type,
      isParked ? 'parked' : status.name.toLowerCase(),
      startTime.toISOString().slice(0, 19).replace('T', ' '),
      closeTime ? duration((closeTime.getTime() - startTime.getTime()) / 1000) : '',
    ])
  }
  if (rows.length === 1) return ['no runs yet; start one with `rlaif run align`, or from the UI']
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

/** How a run stands: its stages, and its results or the reason of its failure. */
export async function describeRun(connected: Connected, id: string): Promise<string[]> {
  const handle = await existing(connected, id)
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

/** The report file of a finished run; of one that lies in a bucket, a copy on this machine. */
export async function reportFile(connected: Connected, id: string): Promise<string> {
  const handle = await existing(connected, id)
  if ((await handle.describe()).status.name === 'RUNNING')
    throw new Error(`${id} is still running; \`rlaif status ${id}\` shows how far it is`)
  const report = reportOf(await handle.result())
  if (!report) throw new Error(`${id} made no report; a run of one stage has none`)
  return join(await folderOf(homeFolder(), report.uri), REPORT)
}
