// Commands about the labeler: what it is asked, and its score as a reward.
import type { Command } from 'commander'
import { exitCode } from '../../contracts/exit-codes'
import { openHome } from '../../workers/home'
import { readInput } from '../input'
import { CONTEXTS, REWARD_TOKEN, type ServeRewardFlags } from '../serve-reward-flags'
import { print, printJson } from '../terminal'
import { untilStopped } from '../until-stopped'
import { exitWith } from './exit-code'
import { choiceOption, jsonOption, numberOption, portOption } from './options'

export function addLabelerCommands(program: Command): void {
  const prompt = program.command('prompt').description("show the labeler's prompts")
  prompt
    .command('show')
    .description('print exactly what the labeler would be sent for a row of the data, and its length in tokens')
    .option('--input <file|json>', 'input of align, of which task, data, seed and labeler are used')
    .addOption(numberOption('--row <i>', 'index of the row, from 0', { from: 0 }, 0))
    .action(async ({ input, row }: { input?: string; row: number }) => {
      const { showPrompt } = await import('../prompt.js')
      print(await showPrompt(readInput(input), row))
    })
  addCheck(program)
  addServeReward(program)
}

function addCheck(program: Command): void {
  program
    .command('labeler')
    .description('look at labelers')
    .command('check')
    .description('ask an endpoint six questions: what it can do, what they cost, and which settings to use')
    .option('--input <file|json>', 'input of align, of which task and labeler are used')
    .addOption(jsonOption())
    .action(async ({ input, json }: { input?: string; json?: boolean }) => {
      const { checkLabeler, checkLines, checkOutput } = await import('../labeler-check.js')
      const checked = await checkLabeler(readInput(input))
      if (json) printJson('labeler check', checkOutput(checked))
      else checkLines(checked).forEach(print)
      exitWith(exitCode(checked.check.isUsable ? 'done' : 'failed'))
    })
}

function addServeReward(program: Command): void {
  program
    .command('serve-reward')
    .description("serve the labeler's direct score over HTTP as a reward for TRL, OpenRLHF, slime or verl")
    .option('--input <file|json>', 'input of align, of which task and labeler are used')
    .addOption(portOption('--port <port>', 'port to listen on', 8500))
    .option(
      '--host <address>',
      `address to listen on; any but a loopback address requires ${REWARD_TOKEN}`,
      '127.0.0.1',
    )
    .addOption(
      choiceOption(
        '--context <prompts|labels>',
        'what the labeler sees as the post or conversation: the prompts of the request as they are, or its labels',
        CONTEXTS,
        'prompts',
      ),
    )
    .option(
      '--special-tokens <names>',
      'special tokens to strip around prompts and responses, separated by commas; default: the common ones, such as ' +
        '<|…|>, <s>, </s>, <pad> and [PAD]',
    )
    .action(async ({ input, ...flags }: ServeRewardFlags & { input?: string }) => {
      const { serveReward } = await import('../serve-reward.js')
      const stopped = untilStopped()
      const { server, service } = await serveReward(readInput(input), flags, openHome())
      const { labeler, task, token } = service
      const url = `http://${flags.host}:${flags.port}/get_reward`
      const access = token === undefined ? '' : `, with the token of ${REWARD_TOKEN}`
      print(`Rewards by ${labeler.name} for ${task.name}: POST ${url}${access}. Ctrl-C ends it.`)
      await stopped
      server.closeAllConnections()
      server.close()
    })
}
