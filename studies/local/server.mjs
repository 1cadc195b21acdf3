// A local server with its workers, as `rlaif up` starts them, for a study.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endedByInterrupt } from '../../chaos/interrupt.mjs'

const require = createRequire(import.meta.url)
const { Client, Connection } = require('@temporalio/client')
const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Starts a server and its workers. @returns a function that ends them */
function up(home) {
  const env = { ...process.env, RLAIF_HOME: home }
  const server = spawn(process.execPath, [command, 'up'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const down = () => {
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGINT')
    return ended
  }
  return new Promise((resolve, reject) => {
    let said = ''
    server.stdout.on('data', (chunk) => {
      said += chunk
      if (said.includes('Ctrl-C')) resolve(down)
    })
    server.once('exit', (code) => reject(new Error(`study: rlaif up ended with ${code}: ${said}`)))
  })
}

/** Calls `use` with a client of a local server whose state is in a folder, and stops the server afterwards. */
export async function withLocalServer(home, use) {
  const down = endedByInterrupt(await up(home))
  const { address } = JSON.parse(readFileSync(join(home, 'server.json'), 'utf8'))
  const connection = await Connection.connect({ address })
  try {
    await use(new Client({ connection }))
  } finally {
    await connection.close()
    await down()
  }
}
