#!/usr/bin/env node
// The `rlaif` command: puts the groups of commands together and turns errors into messages.
// Exit codes: 0 success, 1 a run that failed or parked, 2 an error, e.g. bad input.
import { Command } from 'commander'
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
import { reasonOf } from './failure'
import { EXAMPLES_AND_ENVIRONMENT } from './help'
import { plainText } from './terminal'

const program = new Command('rlaif')
  .description('Reinforcement learning from AI feedback as durable workflows.')
  .version(version)
  .addHelpText('after', EXAMPLES_AND_ENVIRONMENT)

addLocalStackCommands(program)
addRunCommands(program)
addScheduleCommands(program)
addHumanEvaluationCommands(program)
addDataCommands(program)
addLabelerCommands(program)
addArtifactCommands(program)
addModelCommands(program)
addWorldCommands(program)

program.parseAsync().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`rlaif: ${plainText(reasonOf(error))}\n`)
    process.exit(2)
  },
)
