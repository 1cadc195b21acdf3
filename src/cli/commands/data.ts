// `rlaif data`: what a run would read from a dataset.
import type { Command } from 'commander'
import { exitCode } from '../../contracts/exit-codes'
import { readInput } from '../input'
import { print, printJson } from '../terminal'
import { exitWith } from './exit-code'
import { jsonOption, numberOption } from './options'

const EXAMPLES = String.raw`
Examples:
  # The first rows of a file
  rlaif data show rows.jsonl

  # One row, with the settings that a run would have: its task, its model's chat template, its limits
  rlaif data show votes.parquet --rows 1 --input settings.json

  # Fields of other names, and a vote with values of its own
  rlaif data show votes.jsonl --input '{"data": {"fields": {"prompt": "question", "responses": ["a", "b"],
    "preferred": {"field": "winner", "first": "a", "second": "b"}}}}'

  # For programs: one JSON object
  rlaif data show hf:datasets/stanfordnlp/SHP/askculinary/train.json --json

Exit codes: 0 when a run can use the data, 1 when too few rows are left, 2 when the file cannot be read.`

export function addDataCommands(program: Command): void {
  const data = program.command('data').description('look at datasets')
  data
    .command('show [path]')
    .description(
      'print what a run would read: the format, the first rows as the policy and the labeler get them, ' +
        'and what is left out, by reason; without a path, of the data in --input, or of the prompts of its task',
    )
    .option('--input <file|json>', 'input of align, of which task, data, model, template, limits and seed are used')
    .addOption(numberOption('--rows <n>', 'number of rows to show', { from: 0 }, 3))
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(
      async (path: string | undefined, { input, rows, json }: { input?: string; rows: number; json?: boolean }) => {
        const { showData } = await import('../show-data.js')
        const { shown, text, isEnough } = await showData(readInput(input), { path, rows })
        if (json) printJson('data show', shown)
        else print(text)
        exitWith(exitCode(isEnough ? 'done' : 'failed'))
      },
    )
}
