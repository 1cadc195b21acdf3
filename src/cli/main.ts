#!/usr/bin/env node
// The `rlaif` command: puts the groups of commands together and turns errors into messages.
// Exit codes: contracts/exit-codes.ts.
import { Command, CommanderError } from 'commander'
import { exitCode } from '../contracts/exit-codes'
import { version } from '../version'
import { addArtifactCommands } from './commands/artifacts'
import { addDataCommands } from './commands/data'
import { addHumanEvaluationCommands } from './commands/human-evaluation'
import { addLabelerCommands } from './commands/labeler'
import { addLocalStackCommands } from './commands/local-stack'
import { addModelCommands } from './commands/model'
import { addRunCommands } from './commands/run'
import { addScheduleCommands } from './commands/schedule'
import { addWorldCommands } from './commands/world'
import { endWhenOutputCloses, outputIsClosed } from './closed-output'
import { codeOf, reasonOf } from './failure'
import { EXAMPLES_AND_ENVIRONMENT } from './help'
import { plainText } from './terminal'

const program = new Command('rlaif')
  .description('Reinforcement learning from AI feedback as durable workflows.')
  .version(version)
  .addHelpText('after', EXAMPLES_AND_ENVIRONMENT)
  .showHelpAfterError('(--help lists the commands, arguments and flags)')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'rlaif: ')) })
  .exitOverride()

addLocalStackCommands(program)
addRunCommands(program)
addScheduleCommands(program)
addHumanEvaluationCommands(program)
addDataCommands(program)
addLabelerCommands(program)
addArtifactCommands(program)
addModelCommands(program)
addWorldCommands(program)

endWhenOutputCloses()
program.parseAsync().then(
  () => end(Number(process.exitCode ?? exitCode('done'))),
  (error: unknown) => {
    if (!(error instanceof CommanderError)) process.stderr.write(`rlaif: ${plainText(reasonOf(error))}\n`)
    end(codeOf(error))
  },
)

/** Once all output is written; connections and timers that are still open do not hold the command up. */
function end(code: number): void {
  process.stdout.write('', () => process.exit(outputIsClosed() ? exitCode('outputClosed') : code))
}
