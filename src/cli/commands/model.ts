// `rlaif model`: models on this machine.
import type { Command } from 'commander'
import { importModel } from '../model'
import { print } from '../terminal'

export function addModelCommands(program: Command): void {
  const model = program.command('model').description('import and download models')
  model
    .command('import <model> [folder]')
    .description(
      'import "default", a .gguf file, a model folder or hf:owner/name[@revision] and print its path; ' +
        'with [folder], copy it there',
    )
    .action(async (spec: string, folder?: string) => print(await importModel(spec, folder)))
  model
    .command('download <model> [folder]')
    .description('download hf:owner/name[@revision] from the Hugging Face Hub; with [folder], copy it there')
    .action(async (spec: string, folder?: string) =>
      print(await importModel(spec.startsWith('hf:') ? spec : `hf:${spec}`, folder)),
    )
}
