#!/usr/bin/env node
// The `rlaif` command: runs the program and turns errors into messages.
// Exit codes: contracts/exit-codes.ts.
import { CommanderError } from 'commander'
import { exitCode } from '../contracts/exit-codes'
import { endWhenOutputCloses, outputIsClosed } from './closed-output'
import { reasonOf } from '../runs/reason'
import { codeOf } from './failure'
import { rlaifProgram } from './program'
import { plainText } from './terminal'

endWhenOutputCloses()
rlaifProgram()
  .parseAsync()
  .then(
    () => end(Number(process.exitCode ?? exitCode('done'))),
    (error: unknown) => {
      if (!(error instanceof CommanderError)) process.stderr.write(`rlaif: ${plainText(reasonOf(error))}\n`)
      end(codeOf(error))
    },
  )

/** Once all output is written; connections and timers that are still open do not hold the command up. */
function end(code: number): void {
  process.stdout.write('', () => process.exit(outputIsClosed() ? exitCode('outputClosed') : code))
}
