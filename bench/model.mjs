// The model runtime compared with transformers on PyTorch, and generation with llama.cpp as well: the default model, all on
// all cores of this machine, each in float32 and in bfloat16. The ratio is of the faster of both on each side.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultModelFolder } from '../setup/places.mjs'
import { LLAMA, llamaRow, openLlama } from './llama.mjs'
import { peerPython } from './peer.mjs'
import { closeSides, inTurn, memoryRow, openSide, openSides, speedRow } from './sides.mjs'
import { formatBytes } from '../dist/number-format.js'

const here = dirname(fileURLToPath(import.meta.url))
const openOurs = (precision) =>
  openSide(process.execPath, [join(here, 'model-ours.mjs'), defaultModelFolder, precision])
const openPeer = (precision) => openSide(peerPython(), [join(here, 'model_peer.py'), defaultModelFolder, precision])

const openModelInLlama = (precision) => openLlama(defaultModelFolder, precision)

const WORK = {
  forward: { figure: 'forward', batch: 8, time: 128 },
  'train-step': { figure: 'train-step', batch: 8, time: 128 },
  generate: { figure: 'generate', batch: 32, time: 80, tokens: 64 },
  'score-shared-prefix': { figure: 'score', batch: 64, time: 800, shared: 600 },
}

const FIGURES = {
  forward: { amount: 8 * 128, unit: 'tokens/s', note: '8 × 128' },
  'train-step': { amount: 8 * 128, unit: 'tokens/s', note: '8 × 128, AdamW' },
  generate: { amount: 32 * 64, unit: 'tokens/s', note: '32 × 64 after prompts of 80' },
  'score-shared-prefix': { amount: 64, unit: 'prompts/s', note: '64 × 800, 600 shared' },
}

export async function* bench({ rounds, scaling }) {
  if (scaling) return yield* scale()
  for (const [figure, about] of Object.entries(FIGURES))
    yield await speed(figure, openPeer, WORK[figure], about, rounds)
  yield await memory('train-step', 3)
  yield await memory('generate', 1)
  yield await llamaRow('generate-llama', () => {
    const about = { ...FIGURES.generate, note: `${FIGURES.generate.note}, peer: ${LLAMA}` }
    return speed('generate-llama', openModelInLlama, WORK.generate, about, rounds)
  })
}

async function speed(figure, open, work, about, rounds) {
  const sides = openSides(openOurs, open)
  try {
    return speedRow(figure, await inTurn(sides, work, rounds), about)
  } finally {
    closeSides(sides)
  }
}

/** Peak memory of processes that do nothing else. */
async function memory(figure, times) {
  const peaks = []
  for (const precision of ['float32', 'bfloat16'])
    for (const open of [openOurs, openPeer]) {
      const side = open(precision)
      let peak = 0
      for (let step = 0; step < times; step++) peak = (await side.ask(WORK[figure])).peakBytes / 1e9
      peaks.push(peak)
      side.close()
    }
  return memoryRow(`${figure}-memory`, peaks, `${FIGURES[figure].note}, whole process`)
}

/** Time per token should stay constant; memory with recomputation should grow linearly. */
async function* scale() {
  for (const [batch, time] of [
    [4, 128],
    [8, 128],
    [16, 128],
    [4, 256],
    [4, 512],
  ]) {
    const ours = openOurs('float32')
    const work = { figure: 'train-step', batch, time, recompute: true }
    await ours.ask(work)
    const { seconds, peakBytes } = await ours.ask(work)
    ours.close()
    yield {
      figure: `${batch} × ${time}`,
      ours: (1000 * seconds) / (batch * time),
      unit: 'ms/token',
      note: `train step with recomputation; peak ${formatBytes(peakBytes)}`,
    }
  }
}
