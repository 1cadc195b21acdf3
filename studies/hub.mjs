// What `rlaif push` uploads, loaded by Python: a small run on the miniature world, its policy, adapter, reward model and
// labels pushed to a stand-in for the Hub, then transformers, PEFT, `datasets`, and a step of TRL's DPOTrainer and
// RewardTrainer on them.
//
//   node studies/hub.mjs --python ~/.cache/rlaif/ray-python-1/bin/python [--home folder]
//
// The Python needs transformers, peft, datasets and trl: that of the engine has them. --home keeps the run.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFlags } from '../setup/flags.mjs'
import { withLocalServer } from './local/server.mjs'

const { values: flags } = readFlags('node studies/hub.mjs', {
  python: { type: 'string', required: true },
  home: { type: 'string' },
})
const home = flags.home ?? mkdtempSync(join(tmpdir(), 'rlaif-hub-'))
const fileOf = (path) => fileURLToPath(new URL(path, import.meta.url))
const RUN = 'hub-study'
const training = { batchSize: 8, microBatchSize: 8 }
const INPUT = {
  ...{ task: 'summarization', model: 'world:policy', limits: { promptTokens: 128, responseTokens: 20 } },
  data: { path: 'world:summaries?rows=60', evaluationPrompts: 12 },
  ...{ labeler: { baseUrl: 'world:', model: 'L' }, judge: { baseUrl: 'world:', model: 'gold' } },
  sft: { ...training, epochs: 2, learningRate: 0.002, optimizer: 'adamw' },
  rewardModel: { ...training, epochs: 1 },
  rl: { ...training, steps: 4, checkpointEvery: 2, validateEvery: 2, minEntropy: 0, lora: { rank: 4 } },
}

/** Starts the stand-in. @returns its address and a function that ends it */
function startHub() {
  const hub = spawn(process.execPath, [fileOf('../test/hub-server.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve) =>
    hub.stdout.once('data', (line) => resolve({ address: String(line).trim(), end: () => hub.kill() })),
  )
}

const hub = await startHub()
const env = { ...process.env, RLAIF_HOME: home, HF_ENDPOINT: hub.address, HF_TOKEN: 'hf_write' }
const rlaif = (...args) =>
  JSON.parse(execFileSync(process.execPath, [fileOf('../dist/cli/main.js'), ...args, '--json'], { env }))

function pushAll() {
  const { stages } = rlaif('status', RUN)
  const sft = stages.find(({ stage }) => stage === 'sft').artifact.uri
  const pushes = [
    [sft, 'hf:me/sft'],
    [RUN, 'hf:me/policy'],
    [RUN, 'hf:me/adapter', '--what', 'adapter', '--base', 'me/sft'],
    [RUN, 'hf:me/reward', '--what', 'reward-model'],
    [RUN, 'hf:datasets/me/pairs'],
  ]
  for (const [from, to, ...more] of pushes) {
    const { state, files } = rlaif('push', from, to, ...more, '--licence', 'apache-2.0', '--yes')
    console.log(`${to}: ${state}, ${files.map(({ path, bytes }) => `${path} ${bytes}`).join(', ')}`)
  }
}

try {
  await withLocalServer(home, async () => {
    const { state } = rlaif('run', 'align', '--id', RUN, '--input', JSON.stringify(INPUT))
    console.log(`${RUN}: ${state}`)
    pushAll()
  })
  const parts = ['policy=me/policy', 'adapter=me/adapter', 'reward-model=me/reward', 'labels=me/pairs']
  execFileSync(flags.python, [fileOf('hub_loads.py'), ...parts], { env, stdio: 'inherit' })
} finally {
  hub.end()
}
