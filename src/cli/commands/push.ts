// `rlaif push`: what runs made, to the Hugging Face Hub.
import type { Command } from 'commander'
import { HUB_PARTS } from '../../report/hub-card'
import { DTYPES } from '../model'
import type { PushFlags } from '../push'
import { print, printJson } from '../terminal'
import { choiceOption, jsonOption } from './options'

const EXAMPLES = `
Examples:
  rlaif push align-20261126014829 hf:me/cheerful                         what would be uploaded
  rlaif push align-20261126014829 hf:me/cheerful --yes --private         upload it
  rlaif push align-20261126014829 hf:datasets/me/cheerful-pairs --yes    the labels
  rlaif push align-20261126014829 hf:me/cheerful-rm --what reward-model --licence apache-2.0 --yes

HF_TOKEN holds a token of the Hub that may write; HF_ENDPOINT the address of another hub.`

export function addPushCommand(program: Command): void {
  program
    .command('push <run> <repository>')
    .description(
      'upload what a run made, or an artifact by its URI, with a card that says how it was made, to hf:owner/name or ' +
        'hf:datasets/owner/name of the Hugging Face Hub; without --yes, only list the files. What is there already is ' +
        'not sent again',
    )
    .addOption(
      choiceOption(
        '--what <part>',
        'what is uploaded; default: the policy, with its adapter merged in, and to hf:datasets/… the labels',
        HUB_PARTS,
      ),
    )
    .option('--private', 'make the new repository private; an existing public one is refused')
    .option('--base <name>', 'owner/name of the model that an adapter is loaded onto, if the run does not tell')
    .option('--licence <id>', "the Hub's identifier of the licence; default: that of the model that was trained")
    .addOption(choiceOption('--dtype <dtype>', 'of the weights; default: that of the model that was trained', DTYPES))
    .option('--yes', 'upload')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(async (run: string, repository: string, { json, ...flags }: PushFlags & { json?: boolean }) => {
      const { push, pushLines } = await import('../push.js')
      const output = await push(run, repository, flags)
      if (json) printJson('push', output)
      else pushLines(output).forEach(print)
    })
}
