// All commands of `rlaif`, put together from their groups.
import { Command } from 'commander'
import { version } from '../version'
import { addArtifactCommands } from './commands/artifacts'
import { addCompletionCommands } from './commands/completion'
import { addDataCommands } from './commands/data'
import { addExportCommands } from './commands/export'
import { addHumanEvaluationCommands } from './commands/human-evaluation'
import { addInitCommand } from './commands/init'
import { addLabelerCommands } from './commands/labeler'
import { addLocalStackCommands } from './commands/local-stack'
import { addModelCommands } from './commands/model'
import { addPushCommand } from './commands/push'
import { addRunCommands } from './commands/run'
import { addScheduleCommands } from './commands/schedule'
import { addStatusCommands } from './commands/status'
import { addStudioCommands } from './commands/studio'
import { addWorldCommands } from './commands/world'
import { EXAMPLES_AND_ENVIRONMENT } from './help'

const GROUPS = [
  addLocalStackCommands,
  addInitCommand,
  addRunCommands,
  addStatusCommands,
  addScheduleCommands,
  addStudioCommands,
  addHumanEvaluationCommands,
  addDataCommands,
  addLabelerCommands,
  addArtifactCommands,
  addModelCommands,
  addExportCommands,
  addPushCommand,
  addWorldCommands,
  addCompletionCommands,
]

export function rlaifProgram(): Command {
  const program = new Command('rlaif')
    .description('Reinforcement learning from AI feedback as durable workflows.')
    .version(version)
    .addHelpText('after', EXAMPLES_AND_ENVIRONMENT)
    .showHelpAfterError('(--help lists the commands, arguments and flags)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'rlaif: ')) })
    .exitOverride()
  for (const add of GROUPS) add(program)
  return program
}
