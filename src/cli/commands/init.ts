// `rlaif init`: a folder to start from.
import type { Command } from 'commander'
import { initFolder } from '../init'
import { print } from '../terminal'

export function addInitCommand(program: Command): void {
  program
    .command('init <folder>')
    .description('make a folder with a commented input, a task and ten rows, and print the command that runs it')
    .action(async (folder: string) => (await initFolder(folder)).forEach(print))
}
