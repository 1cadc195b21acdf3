// Commands of a human evaluation: the rating page, and ratings as files.
import type { Command } from 'commander'
import { homeFolder } from '../../workers/home'
import { withConnection } from '../../runs/connection'
import { exportRatings, FORMATS, importRatings, labelingConfig, type Format } from '../ratings'
import { print } from '../terminal'
import { exitWith } from './exit-code'
import { choiceOption, portOption } from './options'
import { counted } from '../../number-format'

export function addHumanEvaluationCommands(program: Command): void {
  program
    .command('rate <run>')
    .description("serve the rating page of a human evaluation and print each rater's link")
    .addOption(portOption('--port <port>', 'port to listen on', 8300))
    .option(
      '--host <address>',
      'address to listen on; raters on other machines need one that they reach, behind TLS',
      '127.0.0.1',
    )
    .option('--url <url>', 'where raters reach the page if not there, e.g. https://rate.example.org of a TLS proxy')
    .action((id: string, { port, host, url }: { port: number; host: string; url?: string }) =>
      withConnection(async (connection) => {
        const { serveRatings } = await import('../rate.js')
        exitWith(await serveRatings(connection, id, { port, host, url, home: homeFolder() }, print))
      }),
    )
  addRatings(program)
}

const write = (text: string) => void process.stdout.write(text)

function addRatings(program: Command): void {
  const ratings = program.command('ratings').description('export and import the ratings of a human evaluation')
  ratings
    .command('export <run>')
    .description('write the ratings to standard output')
    .addOption(choiceOption('--format <format>', 'format; label-studio: tasks with annotations', FORMATS, 'jsonl'))
    .action((id: string, { format }: { format: Format }) =>
      withConnection(async (connection) => write(await exportRatings(connection, id, format))),
    )
  ratings
    .command('config <run>')
    .description('print the labeling interface for Label Studio')
    .action((id: string) => withConnection(async (connection) => write(await labelingConfig(connection, id))))
  ratings
    .command('import <run> <file>')
    .description(
      'import ratings from JSONL, or from a JSON or JSON-MIN export of Label Studio; they replace existing ones',
    )
    .option(
      '--rater <user=rater>',
      'which rater a user of Label Studio is, by its number or email, e.g. 1=anna; may be given several times',
      (pair: string, users: string[]) => [...users, pair],
      [],
    )
    .action((id: string, file: string, { rater: users }: { rater: string[] }) =>
      withConnection(async (connection) => {
        const count = await importRatings(connection, id, { file, users }, (done, total) =>
          process.stderr.write(`\r${done} of ${total} `),
        )
        print(`${counted(count, 'rating is', 'ratings are')} in ${id}`)
      }),
    )
}
