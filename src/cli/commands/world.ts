// `rlaif world`: the miniature world.
import type { Command } from 'commander'
import { WORLD_DATA, type WorldData } from '../../world/data'
import { print } from '../terminal'
import { exitWith } from './exit-code'
import { choiceOption, numberOption, portOption } from './options'

const SEED = { from: 0 }
const theWorld = () => import('../world.js')

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
    .addOption(choiceOption('--kind <name>', 'kind of rows', WORLD_DATA, 'summaries'))
    .addOption(numberOption('--rows <n>', 'number of rows', { from: 1 }, 1000))
    .addOption(numberOption('--seed <n>', 'random seed', SEED, 1))
    .action(async (file: string, { kind, rows, seed }: { kind: WorldData; rows: number; seed: number }) =>
      print(await (await theWorld()).writeWorldData(file, kind, rows, seed)),
    )
  world
    .command('model <folder>')
    .description(
      "write an untrained policy with 1.3 million weights and a tokenizer of the world's words, to be trained by sft",
    )
    .addOption(numberOption('--seed <n>', 'random seed of the initial weights', SEED, 1))
    .action(async (folder: string, { seed }: { seed: number }) =>
      print(await (await theWorld()).writeUntrainedPolicy(folder, seed)),
    )
  world
    .command('annotators')
    .description('serve the annotators as an OpenAI-compatible endpoint; the model name selects the annotator')
    .addOption(portOption('--port <port>', 'local port to listen on', 8600))
    .action(async ({ port }: { port: number }) => exitWith(await (await theWorld()).serveAnnotators(port, print)))
}
