// The command of the studio.
import type { Command } from 'commander'
import { withConnection } from '../../runs/connection'
import { homeFolder } from '../../workers/home'
import { STUDIO_PORT } from '../../studio/port'
import { exitWith } from './exit-code'
import { portOption } from './options'

const EXAMPLES = `
Examples:
  rlaif studio                      all runs, their curves, and a form to start more, at http://127.0.0.1:${STUDIO_PORT}
  rlaif studio --port 0             at any free port, which is printed
  TEMPORAL_ADDRESS=temporal.example.org:7233 RLAIF_STORE=s3://bucket/rlaif rlaif studio
                                    of a shared server and store
  RLAIF_STUDIO_TOKEN=… rlaif studio --host 0.0.0.0 --url https://studio.example.org
                                    for a team, behind a TLS proxy; whoever opens it is asked for the token

The studio holds no state: it reads Temporal and the store, and whatever it starts or resolves is done by the same
messages that Temporal's UI and the other commands send. \`rlaif start\` and \`rlaif up\` have one with them.`

export function addStudioCommands(program: Command): void {
  program
    .command('studio')
    .description('serve pages with all runs: their curves while they grow, parked stages, and an editor to start more')
    .addOption(portOption('--port <port>', 'port to listen on; 0: any free one', STUDIO_PORT))
    .option('--host <address>', 'address to listen on; other than 127.0.0.1 it needs RLAIF_STUDIO_TOKEN', '127.0.0.1')
    .option('--url <url>', 'where browsers reach it if not there, e.g. https://studio.example.org of a TLS proxy')
    .addHelpText('after', EXAMPLES)
    .action((flags: { port: number; host: string; url?: string }) =>
      withConnection(async (connected) => {
        const { studio } = await import('../studio.js') // with all its pages
        exitWith(await studio(connected, homeFolder(), flags))
      }),
    )
}
