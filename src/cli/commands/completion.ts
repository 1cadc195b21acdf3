// `rlaif completion`: the part of completion that a shell reads, and the hidden command that it asks.
import { Argument, type Command } from 'commander'
import { join } from 'node:path'
import { complete, completionLines } from '../completion'
import { completionScript, SHELLS, type Shell } from '../completion-scripts'
import { serverLists } from '../server-lists'
import { print } from '../terminal'
import { choiceArgument } from './options'

const MAIN = join(__dirname, '..', 'main.js')
const INSTALL = `
For every new shell:
  bash   echo 'eval "$(rlaif completion bash)"' >> ~/.bashrc
  zsh    echo 'eval "$(rlaif completion zsh)"' >> ~/.zshrc    after the line with compinit
  fish   rlaif completion fish > ~/.config/fish/completions/rlaif.fish`

export function addCompletionCommands(program: Command): void {
  program
    .command('completion')
    .description('print what makes a shell complete commands, options, workflows and ids of runs at Tab')
    .addArgument(choiceArgument('<shell>', 'the shell', SHELLS))
    .addHelpText('after', INSTALL)
    .action((shell: Shell) => print(completionScript(shell, [process.execPath, MAIN]).trimEnd()))
  program
    .command('complete', { hidden: true })
    .addArgument(new Argument('<line>', 'what has been typed, up to the cursor'))
    .action(async (line: string) => completionLines(await complete(program, line, serverLists)).forEach(print))
}
