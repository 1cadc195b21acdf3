// `rlaif start` (npm start) and `rlaif up`: the whole stack on this machine.
import { exitCode } from '../contracts/exit-codes'
import { docsPage, startCommand, typedCommand } from '../installation'
import { homeFolder, homeReason } from '../workers/home'
import { roles } from '../workers/worker'
import { connect, type Connected } from '../runs/connection'
import { logFile } from './dev-server'
import { openLocalStack, workerLog, type LocalStack, type MetricsOptions } from './local-stack'
import { checkDevice, hasHalfPrecision } from './device-check'
import { otherHomes, otherHomesNote } from '../runs/other-homes'
import { startRun } from '../runs/start-run'
import { openStackStudio, type StackStudio } from './studio'
import { untilStopped } from './until-stopped'
import { watchRun } from './watch'

/** Always the same id, so that a start after an interrupted one continues the same run. */
const QUICKSTART = 'quickstart'

const WHAT_WILL_HAPPEN = `
The quickstart teaches SmolLM2-135M-Instruct to write cheerful sentences by reinforcement learning from AI feedback:
a frozen copy of the model itself says how positive each response is (direct RLAIF). About two minutes on two cores.
Everything is on this machine; Ctrl-C stops, and the next \`${startCommand}\` continues where it was.

`
const TUTORIAL = docsPage('tutorial.md')
const INPUT_OF_ANOTHER = '{"task": "helpful", "labeler": {"baseUrl": "http://127.0.0.1:8000/v1", "model": "…"}}'
const WHAT_NEXT = [
  '',
  'Next:',
  '  open the report above: responses before and after, the reward curve, and what the change cost',
  ...(TUTORIAL ? [`  ${TUTORIAL}: your own labeler, a parked run, a sweep, a schedule`] : []),
  `  ${typedCommand} init mine    a folder with an input, a task and rows of your own to start from`,
  `  ${typedCommand} run align --input '${INPUT_OF_ANOTHER}'`,
  '',
].join('\n')

const untilOver = (stack: LocalStack, stopped: Promise<void>) => Promise.race([stopped, stack.finished])
/** Where everything is: the studio, the server, the home and why it is that one, its logs, and homes that are not meant. */
function placesOf(stack: LocalStack, home: string, studio?: StackStudio): string {
  const { isRemote } = stack.server
  const logs = isRemote ? workerLog(home) : `${workerLog(home)} and ${logFile(home)}`
  const places = [
    `Home ${home}, ${homeReason()}; logs in ${logs}`,
    ...(isRemote ? [] : otherHomesNote(otherHomes(home))),
  ]
  const first = studio?.url === undefined ? '' : `Studio ${studio.url}\n`
  return `${first}${addressesOf(stack)}\n${places.join('\n')}\n`
}

const addressesOf = ({ server: { address, ui } }: LocalStack) => `Temporal ${address}${ui ? `, UI ${ui}` : ''}`

/** The preset computes in bfloat16, which takes longer than float32 on a processor without instructions for it. */
function quickstartInput() {
  const found = checkDevice()
  return 'failed' in found || hasHalfPrecision(found)
    ? { preset: 'quickstart' }
    : { preset: 'quickstart', precision: 'float32' }
}

/** Starts everything, runs the quickstart, and stays up when on a terminal. @returns the exit code */
export async function start(): Promise<number> {
  const stopped = untilStopped()
  const stack = await openLocalStack(homeFolder())
  let studio: StackStudio | undefined
  try {
    const connected = await connect(homeFolder(), stack.server.address)
    if (!stack.server.ownedElsewhere) studio = await openStackStudio(connected, homeFolder())
    const handle = await startRun(connected, 'align', { id: QUICKSTART, input: quickstartInput() })
    process.stdout.write(`${placesOf(stack, homeFolder(), studio)}${WHAT_WILL_HAPPEN}`)
    const ending = new AbortController()
    const over = untilOver(stack, stopped).then(() => {
      ending.abort()
      return undefined
    })
    const code = await Promise.race([watchRun(connected, handle, { signal: ending.signal }), over])
    if (code === undefined) {
      process.stdout.write(`\nStopped. The next \`${startCommand}\` continues the run where it was.\n`)
      return exitCode('interrupted')
    }
    if (code === exitCode('done')) process.stdout.write(WHAT_NEXT)
    if (process.stdout.isTTY) {
      process.stdout.write('\nThe server and workers stay up for more runs; Ctrl-C ends them.\n')
      await untilOver(stack, stopped)
    }
    await connected.close()
    return code
  } finally {
    studio?.close()
    await stack.close()
  }
}

/** Keeps the server and workers up until Ctrl-C. */
export async function up(metrics: MetricsOptions): Promise<number> {
  const stopped = untilStopped()
  const stack = await openLocalStack(homeFolder(), metrics)
  let connected: Connected | undefined
  let studio: StackStudio | undefined
  try {
    if (stack.server.ownedElsewhere) {
      process.stdout.write(`Already up in another process: ${placesOf(stack, homeFolder())}`)
      return 0
    }
    connected = await connect(homeFolder(), stack.server.address)
    studio = await openStackStudio(connected, homeFolder())
    process.stdout.write(`${placesOf(stack, homeFolder(), studio)}Workers: ${roles.join(', ')}. Ctrl-C ends them.\n`)
    await untilOver(stack, stopped)
    return 0
  } finally {
    studio?.close()
    await connected?.close()
    await stack.close()
  }
}
