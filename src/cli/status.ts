// `rlaif status <run>` and `rlaif report`: the state of a run, and its report.
import { join } from 'node:path'
import { folderOf } from '../artifacts/open-store'
import { InvalidInput } from '../contracts/parse'
import { openHome } from '../workers/home'
import type { Connected } from '../runs/connection'
import { existingRun, refuseEnded } from '../runs/existing-run'
import { parkedBelowLines, parkedLines } from './parked'
import { lines } from './progress'
import { REPORT, reportOf } from '../runs/results'
import { countText } from './run-list-lines'
import { answerLines, fileLines } from './run-lines'
import type { RunView } from '../runs/run-view'

/** The state of a run: its stages, then its answer and files, the reason of its failure, or how to continue it. */
export function statusLines({ output, now, answer }: RunView): string[] {
  const { id, workflow, state, page, runs, parked, failure } = output
  const stages = lines(now)
  const ownParked = now.stages.find((stage) => stage.state === 'parked')
  return [
    `${id}: ${workflow}, ${state === 'timedOut' ? 'timed out' : state}`,
    ...(page ? [page] : []),
    ...stages,
    ...(runs ? [`  runs it started: ${countText(runs)}`] : []),
    ...(ownParked ? parkedLines(id, ownParked).slice(1) : []), // the line of the stage has the reason
    ...parkedBelowLines(id, parked),
    ...(failure === undefined ? [] : [failure]),
    ...(answer ? ['', ...answerLines(answer)] : []),
    ...fileLines(output),
  ]
}

/** The report file of a finished run; a local copy if the store is a bucket. */
export async function reportFile(connected: Connected, id: string): Promise<{ path: string; uri: string }> {
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
  return { path: join(await folderOf(openHome(), report.uri), REPORT), uri: report.uri }
}
