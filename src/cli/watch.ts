// Following a run to its end.
import type { WorkflowHandle } from '@temporalio/client'
import { exitCodeOf } from '../contracts/command-output'
import { exitCode } from '../contracts/exit-codes'
import { runPage, type Connected } from '../runs/connection'
import { parkedBelowLines, parkedLines, statusHint } from './parked'
import { follow } from './progress'
import { answerLines, fileLines } from './run-lines'
import { viewOf, type RunView } from '../runs/run-view'
import { plainText, print, printJson } from './terminal'

/**
 * Shows a run until it ends or parks, then its answer and files, or how to continue it.
 * @param json whether standard output is for one JSON object, and progress goes to standard error
 * @param signal ends the showing, while the run goes on
 * @returns the exit code
 */
export async function watchRun(
  connected: Connected,
  handle: WorkflowHandle,
  { json = false, signal }: { json?: boolean | undefined; signal?: AbortSignal } = {},
): Promise<number> {
  const out = json ? process.stderr : process.stdout
  const page = runPage(connected, handle.workflowId, (await handle.describe()).runId)
  if (page) out.write(`Run      ${page}\n`)
  const result = handle.result()
  result.catch(() => {}) // the view has the reason of a failure
  let view: RunView
  do {
    await follow(handle, result, out, signal)
    if (signal?.aborted) return exitCode('interrupted')
    view = await viewOf(connected, handle)
  } while (view.output.state === 'running') // somebody has resolved what was parked
  if (json) printJson('run', view.output)
  else showEnd(view)
  return exitCodeOf(view.output.state)
}

function showEnd({ output, now, answer }: RunView): void {
  const { id, state, failure } = output
  const parked = now.stages.find((stage) => stage.state === 'parked')
  if (state === 'parked' && parked) return say(parkedLines(id, parked).join('\n'))
  if (state === 'parked') return say(stillText(output))
  if (state === 'cancelled') return say(`${id} was cancelled`)
  if (failure !== undefined) return say(`${id} ${state === 'failed' ? 'failed' : 'did not complete'}: ${failure}`)
  if (answer) ['', ...answerLines(answer)].forEach(print)
  fileLines(output).forEach(print)
}

/** Of a run that waits for parked ones; or that is parked itself, where no worker answers for the stage. */
function stillText({ id, parked }: RunView['output']): string {
  const below = parkedBelowLines(id, parked)
  return below.length === 0
    ? `${id} is parked; ${statusHint(id)}`
    : [`${id} waits for runs that it has started, which are parked:`, ...below].join('\n')
}

const say = (text: string): void => void process.stderr.write(`\n${plainText(text)}\n`)
