// node studies/reward-service.mjs --python reference/bin/python [--steps 4]: TRL trains a tiny model with `rlaif
// serve-reward` as its reward. The labeler is an endpoint that follows a rule. The rewards that TRL logs must be those
// that the service returned.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { writeTinyModel } from '../chaos/tiny.mjs'
import { formatFigure } from '../dist/number-format.js'

const { values: flags } = readFlags('node studies/reward-service.mjs', {
  python: { type: 'string', required: true },
  steps: { type: 'string', number: true, default: 4 },
})
const here = dirname(fileURLToPath(import.meta.url))
const root = temporaryFolder('rlaif-reward-')

const endpoint = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  const prompt = JSON.parse(text)
    .messages.map(({ content }) => content)
    .join('\n')
  const score = String(1 + (prompt.length % 9))
  const top = [{ token: score, logprob: 0 }]
  response.setHeader('content-type', 'application/json').end(
    JSON.stringify({
      choices: [{ message: { content: score }, logprobs: { content: [{ ...top[0], top_logprobs: top }] } }],
      usage: { prompt_tokens: 10, completion_tokens: 1 },
    }),
  )
})
await new Promise((up) => endpoint.listen(0, '127.0.0.1', up))
const input = JSON.stringify({
  task: 'helpful',
  labeler: { baseUrl: `http://127.0.0.1:${endpoint.address().port}/v1`, model: 'judge' },
})
const service = spawn(
  process.execPath,
  [join(here, '..', 'dist', 'cli', 'main.js'), 'serve-reward', '--port', '8517', '--input', input],
  { env: { ...process.env, RLAIF_HOME: root }, stdio: ['ignore', 'pipe', 'inherit'] },
)
try {
  await new Promise((up) => service.stdout.once('data', up))
  const model = join(root, 'model')
  writeTinyModel(model)
  const trl = spawn(
    flags.python,
    [join(here, 'reward_service_trl.py'), 'http://127.0.0.1:8517/get_reward', model, String(flags.steps)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let out = ''
  let errors = ''
  trl.stdout.on('data', (chunk) => (out += chunk))
  trl.stderr.on('data', (chunk) => (errors += chunk))
  const code = await new Promise((ended) => trl.once('close', ended))
  const line = out.trim().split('\n').at(-1)
  if (code !== 0) throw new Error(`TRL ended with ${code}: ${errors.slice(-2000)}`)
  const { asked, rewards, logged } = JSON.parse(line)
  const difference = Math.max(...logged.map((value, i) => Math.abs(value - rewards[i])))
  console.log(
    `${asked} requests, ${logged.length} steps; the rewards that TRL logged and those that the service returned ` +
      `differ by ${formatFigure(difference)} at most: ${logged.join(', ')}`,
  )
  process.exitCode = difference < 1e-5 ? 0 : 1
} finally {
  service.kill()
  endpoint.close()
}
