// `rlaif world`: the miniature world.
import type { Command } from 'commander'
import { print } from '../terminal'
import { serveAnnotators, writeUntrainedPolicy, writeWorldData } from '../world'
import { exitWith } from './exit-code'

export function addWorldCommands(program: Command): void {
  const world = program
    .command('world')
    .description('use the miniature world: texts whose true quality is known, and simulated annotators')
  world
    .command('data <file>')
    .description(
      'write rows for the setting "data" of a run: prompts, imperfect references, ' +
        'and pairs that simulated people compared',
    )
    .option('--kind <name>', 'kind of rows: summaries, dialogues or pretraining', 'summaries')
    .option('--rows <n>', 'number of rows', '1000')
    .option('--seed <n>', 'random seed', '1')
    .action(async (file: string, { kind, rows, seed }: { kind: string; rows: string; seed: string }) =>
      print(await writeWorldData(file, kind, Number(rows), Number(seed))),
    )
  world
    .command('model <folder>')
    .description(
      "write an untrained policy with 1.3 million weights and a tokenizer of the world's words, to be trained by sft",
    )
    .option('--seed <n>', 'random seed of the initial weights', '1')
    .action(async (folder: string, { seed }: { seed: string }) =>
      print(await writeUntrainedPolicy(folder, Number(seed))),
    )
  world
    .command('annotators')
    .description('serve the annotators as an OpenAI-compatible endpoint; the model name selects the annotator')
    .option('--port <port>', 'local port to listen on', '8600')
    .action(async ({ port }: { port: string }) => exitWith(await serveAnnotators(Number(port), print)))
}
