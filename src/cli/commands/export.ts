// `rlaif export`: what runs made, for other tools.
import type { Command } from 'commander'
import { exportLabels, exportLines, LABEL_FORMATS, type LabelFormat } from '../export-labels'
import { print, printJson } from '../terminal'
import { choiceOption, jsonOption } from './options'

const EXAMPLES = `
Examples:
  # Every label with its probabilities, for load_dataset("parquet", data_files="labels.parquet") and TRL's trainers
  rlaif export labels align-20261126014829 labels.parquet

  # Prompt, chosen and rejected response only
  rlaif export labels align-20261126014829 preferences.jsonl --format trl`

export function addExportCommands(program: Command): void {
  const group = program.command('export').description('write what runs made as files for other tools')
  group
    .command('labels <run> <file>')
    .description(
      'write the labelled pairs of a run, or of an artifact by its URI: prompt, chosen and rejected response as ' +
        'messages, with the probability of the label, that of each order, rationales, and what people chose. Labels ' +
        'that prefer neither response are left out',
    )
    .addOption(
      choiceOption(
        '--format <format>',
        'jsonl and parquet have all of it, trl the three fields that its trainers need, as JSON lines; ' +
          'default: by the ending of the file',
        LABEL_FORMATS,
      ),
    )
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(async (run: string, file: string, { format, json }: { format?: LabelFormat; json?: boolean }) => {
      const output = await exportLabels(run, file, format)
      if (json) printJson('export labels', output)
      else exportLines(output).forEach(print)
    })
}
