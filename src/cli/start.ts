// `rlaif start` (npm start) and `rlaif up`: the whole stack on this machine.
import { homeFolder } from '../workers/home'
import { roles } from '../workers/worker'
import { connect } from './connection'
import { openLocalStack, untilStopped, type LocalStack } from './local-stack'
import { seeThrough, startRun } from './run'

/** One id, so that a start after an interrupted one goes on with the same run. */
const QUICKSTART = 'quickstart'

const untilOver = (stack: LocalStack, stopped: Promise<void>) => Promise.race([stopped, stack.finished])

/** Brings everything up, runs the quickstart, and stays up on a terminal. @returns the exit code */
export async function start(): Promise<number> {
  const stopped = untilStopped()
  const stack = await openLocalStack(homeFolder())
  try {
    const connected = await connect(homeFolder(), stack.server.address)
    const handle = await startRun(connected, 'align', { id: QUICKSTART, input: { preset: 'quickstart' } })
    process.stdout.write(`Temporal ${stack.server.address}${stack.server.ui ? `, UI ${stack.server.ui}` : ''}\n`)
    const succeeded = await Promise.race([
      seeThrough(connected, handle),
      untilOver(stack, stopped).then(() => undefined),
    ])
    if (succeeded === undefined) {
      process.stdout.write('\nStopped. The run goes on where it was at the next `npm start`.\n')
      return 130
    }
    if (process.stdout.isTTY) {
      process.stdout.write('\nServer and workers stay up for more runs; Ctrl-C ends them.\n')
      await untilOver(stack, stopped)
    }
    await connected.close()
    return succeeded ? 0 : 1
  } finally {
    await stack.close()
  }
}

/** Brings server and workers up until Ctrl-C. @param metrics where Prometheus finds the workers' metrics, if anywhere */
export async function up(metrics?: string): Promise<number> {
  const stopped = untilStopped()
  const stack = await openLocalStack(homeFolder(), metrics)
  try {
    if (stack.server.elsewhere) {
      process.stdout.write(`Up already in another process: Temporal ${stack.server.address}, UI ${stack.server.ui}\n`)
      return 0
    }
    process.stdout.write(
      `Temporal ${stack.server.address}${stack.server.ui ? `, UI ${stack.server.ui}` : ''}; workers: ${roles.join(', ')}. Ctrl-C ends them.\n`,
    )
    await untilOver(stack, stopped)
    return 0
  } finally {
    await stack.close()
  }
}
