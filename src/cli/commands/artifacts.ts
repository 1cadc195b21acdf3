// `rlaif artifacts`: the artifact store.
import type { Command } from 'commander'
import { homeFolder } from '../../workers/home'
import { collectGarbage } from '../artifacts'
import { print } from '../terminal'

export function addArtifactCommands(program: Command): void {
  const artifacts = program
    .command('artifacts')
    .description('manage the artifact store: a folder on this machine, or the bucket RLAIF_STORE with its local copies')
  artifacts
    .command('gc')
    .description('remove old artifacts that no report depends on; without --yes, only list them')
    .option('--older-than <days>', 'number of days that an artifact must have been left unused', '30')
    .option('--yes', 'remove the artifacts')
    .action(async ({ olderThan, yes }: { olderThan: string; yes?: boolean }) =>
      (await collectGarbage(homeFolder(), Number(olderThan), yes ?? false)).forEach(print),
    )
}
