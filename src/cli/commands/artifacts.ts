// `rlaif artifacts`: the artifact store.
import type { Command } from 'commander'
import { homeFolder } from '../../workers/home'
import { collectGarbage, garbageLines, listPins, pin, pinLines, type GarbageFlags } from '../artifacts'
import { print, printJson } from '../terminal'
import { jsonOption, numberOption } from './options'

const DAYS = { from: 0, fractions: true, of: 'days' }

const EXAMPLES = `
Examples:
  rlaif artifacts gc                                             what has been left unused for 30 days
  rlaif artifacts gc --keep-last 7 --of nightly-ablation         and what only earlier nights of this sweep need
  rlaif artifacts gc --keep-last 7 --of nightly-ablation --yes   remove it`

export function addArtifactCommands(program: Command): void {
  const artifacts = program
    .command('artifacts')
    .description('manage the artifact store: a folder on this machine, or the bucket RLAIF_STORE with its local copies')
  artifacts
    .command('gc')
    .description(
      'remove old artifacts that no report, no open run and no pin depends on, and old live curves; without --yes, ' +
        'only list them. Reports themselves always stay',
    )
    .addOption(
      numberOption('--older-than <days>', 'number of days that an artifact must have been left unused', DAYS, 30),
    )
    .addOption(
      numberOption(
        '--keep-last <nights>',
        'of the sweep --of, keep the weights of so many nights, and of earlier ones the reports',
        { from: 0, of: 'nights' },
      ),
    )
    .option('--of <sweep>', 'name of a sweep, e.g. nightly-ablation')
    .addOption(
      numberOption(
        '--answers-older-than <days>',
        "also remove labelers' answers if none was added for so long: they were paid for",
        DAYS,
      ),
    )
    .option('--no-runs', 'do not ask Temporal what open runs need')
    .option('--yes', 'remove what is listed')
    .addHelpText('after', EXAMPLES)
    .addOption(jsonOption())
    .action(async ({ json, ...flags }: GarbageFlags & { json?: boolean }) => {
      const garbage = await collectGarbage(homeFolder(), flags)
      if (json) printJson('artifacts gc', garbage)
      else garbageLines(homeFolder(), garbage).forEach(print)
    })
  artifacts
    .command('pin <run>')
    .description('keep the results of a run, or the artifact with a URI, and all that they were made from')
    .action(async (run: string) => (await pin(homeFolder(), run, true)).forEach(print))
  artifacts
    .command('unpin <run>')
    .description('no longer keep them')
    .action(async (run: string) => (await pin(homeFolder(), run, false)).forEach(print))
  artifacts
    .command('pins')
    .description('list what is pinned')
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const pins = await listPins(homeFolder())
      if (json) printJson('artifacts pins', { pins })
      else pinLines(pins).forEach(print)
    })
}
