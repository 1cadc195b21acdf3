// npm run bench -- <area> [--json] [--rounds N]: rlaif and its peers in turn, on the same machine with the same weights
// and shapes. A ratio above 1 means that rlaif is better; low and high are the extremes over the rounds.
import { readFlags, refuse } from '../setup/flags.mjs'
import { formatNumber } from '../dist/number-format.js'

const AREAS = {
  model: () => import('./model.mjs'),
  label: () => import('./label.mjs'),
  rl: () => import('./rl.mjs'),
  orchestration: () => import('./orchestration.mjs'),
  sweep: () => import('./sweep.mjs'),
  answers: () => import('./answers.mjs'),
  scale: () => import('./scale.mjs'),
  shards: () => import('./shards.mjs'),
  engine: () => import('./engine.mjs'),
  adapters: () => import('./adapters.mjs'),
}

const HELP = `npm run bench -- <area> [--json] [--rounds N]

  model          forward, train step, generation, scoring with a shared prefix and peak memory, compared with
                 transformers on PyTorch, generation with llama.cpp too; with --scaling instead: time per token and
                 memory as batch and length grow
  rl             one RL step and its peak memory, compared with TRL's RLOOTrainer
  label          requests per second through an HTTP endpoint, compared with the ideal; local labels, compared with
                 transformers and with llama.cpp
  orchestration  seconds per stage of a pipeline whose stages do nothing
  sweep          seconds per trial of a sweep whose stage does nothing, history and memory; --trials N (1000)
  shards         labelling by an endpoint of 50 ms, one request at a time a worker: four workers compared with one
  engine         seconds a step of SFT on TensorFlow.js and on Ray, and what a job on Ray costs before its first step
  answers        bytes that a label stage of 200,000 answers sends to a real S3 server; --pairs N
  adapters       gigabytes that twenty trials with LoRA on a model of a billion weights add to the store (10 GB of disk,
                 8 GB of memory); --trials N, --small with a small model
  scale          whole runs on 123,169 posts with a model of some thousand weights: rows a second, memory, history and
                 bytes of each stage, at a tenth on four workers and on one, and at the whole on four; --posts N,
                 --only METHOD for one run, --only label for that stage alone

  --json         one JSON object per line instead of a table
  --rounds       number of rounds, each with one run per side (3)`

/** With three digits, as fixed decimals. */
const shown = (value) =>
  value === undefined ? '' : formatNumber(value, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1))))

function print({ figure, ours, peer, unit, ratio, low, high, note }) {
  const comparison =
    ratio === undefined ? '' : `${formatNumber(ratio, 2)} × (${formatNumber(low, 2)}–${formatNumber(high, 2)})`
  process.stdout.write(
    `${figure.padEnd(22)} ${shown(ours).padStart(9)} ${shown(peer).padStart(9)} ` +
      `${unit.padEnd(12)} ${comparison.padEnd(22)} ${note ?? ''}\n`,
  )
}

async function main() {
  const options = {
    json: { type: 'boolean' },
    rounds: { type: 'string', number: true, default: 3 },
    scaling: { type: 'boolean' },
    trials: { type: 'string', number: true },
    posts: { type: 'string', number: true },
    pairs: { type: 'string', number: true },
    only: { type: 'string' },
    small: { type: 'boolean' },
  }
  const { values, positionals } = readFlags('npm run bench --', options, { most: 1, help: HELP })
  const [name] = positionals
  if (!Object.hasOwn(AREAS, name ?? '')) {
    const fault = name === undefined ? 'name an area' : `there is no area "${name}"`
    refuse(`npm run bench --: ${fault}; there are ${Object.keys(AREAS).join(', ')}`)
  }
  if (!values.json)
    process.stdout.write(
      `${'figure'.padEnd(22)} ${'ours'.padStart(9)} ${'peer'.padStart(9)} ${'unit'.padEnd(12)} ratio (low–high)\n`,
    )
  const { bench } = await AREAS[name]()
  for await (const row of bench({
    rounds: values.rounds,
    scaling: values.scaling,
    ...(values.trials && { trials: values.trials }),
    ...(values.posts && { posts: values.posts }),
    ...(values.pairs && { pairs: values.pairs }),
    only: values.only,
    small: values.small,
  })) {
    if (values.json) process.stdout.write(`${JSON.stringify({ area: name, ...row })}\n`)
    else print(row)
  }
}

await main()
