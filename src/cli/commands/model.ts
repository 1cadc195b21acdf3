// `rlaif model`: models on this machine.
import type { Command } from 'commander'
import { DTYPES, exportPolicy, importModel, type Dtype } from '../model'
import { print } from '../terminal'
import { choiceOption } from './options'

const EXPORT_EXAMPLES = `
Examples:
  rlaif model export quickstart ./cheerful
  rlaif model export align-20261126014829 ./policy --dtype bfloat16
  rlaif model export s3://team/store/choose/0471808f592c565263f9f585b2654a34 ./policy`

export function addModelCommands(program: Command): void {
  const model = program.command('model').description('import, download and export models')
  model
    .command('import <model> [folder]')
    .description(
      'import "default", a .gguf file, a model folder or hf:owner/name[@revision] and print its path; ' +
        'with [folder], copy it there',
    )
    .action(async (spec: string, folder?: string) => print(await importModel(spec, folder)))
  model
    .command('export <run> <folder>')
    .description(
      'write the policy of a run, or the one with a URI, as a whole model folder, with its adapter merged in',
    )
    .addOption(choiceOption('--dtype <dtype>', 'of the weights; default: that of the model that was trained', DTYPES))
    .addHelpText('after', EXPORT_EXAMPLES)
    .action(async (run: string, folder: string, { dtype }: { dtype?: Dtype }) =>
      print(await exportPolicy(run, folder, dtype)),
    )
  model
    .command('download <model> [folder]')
    .description('download hf:owner/name[@revision] from the Hugging Face Hub; with [folder], copy it there')
    .action(async (spec: string, folder?: string) =>
      print(await importModel(spec.startsWith('hf:') ? spec : `hf:${spec}`, folder)),
    )
}
