// The model runtime compared with transformers on PyTorch: the default model, float32, both on all cores of this
// machine.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultModelFolder } from '../setup/places.mjs'
import { peerPython } from './peer.mjs'
import { inTurn, openSide, speedRow } from './sides.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const openOurs = () => openSide(process.execPath, [join(here, 'model-ours.mjs'), defaultModelFolder])
const openPeer = () => openSide(peerPython(), [join(here, 'model_peer.py'), defaultModelFolder])

const WORK = {
  forward: { figure: 'forward', batch: 8, time: 128 },
  'train-step': { figure: 'train-step', batch: 8, time: 128 },
  generate: { figure: 'generate', batch: 32, time: 80, tokens: 64 },
  'score-shared-prefix': { figure: 'score', batch: 64, time: 800, shared: 600 },
}

export async function* bench({ rounds, scaling }) {
  if (scaling) return yield* scale()
  const [ours, peer] = [openOurs(), openPeer()]
  try {
    yield speedRow('forward', await inTurn(ours, peer, WORK.forward, rounds), 8 * 128, 'tokens/s', '8 × 128')
    yield speedRow(
      'train-step',
      await inTurn(ours, peer, WORK['train-step'], rounds),
      8 * 128,
      'tokens/s',
      '8 × 128, AdamW',
    )
    yield speedRow(
      'generate',
      await inTurn(ours, peer, WORK.generate, rounds),
      32 * 64,
      'tokens/s',
      '32 × 64 after prompts of 80',
    )
    yield speedRow(
      'score-shared-prefix',
      await inTurn(ours, peer, WORK['score-shared-prefix'], rounds),
      64,
      'prompts/s',
      '64 × 800, 600 shared',
    )
  } finally {
    ours.close()
    peer.close()
  }
  yield await memory()
}

/** Peak memory of a process that does nothing but train. */
async function memory() {
  const peak = async (side) => {
    let bytes = 0
    for (let step = 0; step < 3; step++) bytes = (await side.ask(WORK['train-step'])).peakBytes
    side.close()
    return bytes / 1e9
  }
  const [ours, peer] = [await peak(openOurs()), await peak(openPeer())]
  return {
    figure: 'train-step-memory',
    ours,
    peer,
    unit: 'GB peak',
    ratio: peer / ours,
    low: peer / ours,
    high: peer / ours,
    note: '8 × 128, AdamW, whole process',
  }
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
    const ours = openOurs()
    const work = { figure: 'train-step', batch, time, recompute: true }
    await ours.ask(work)
    const { seconds, peakBytes } = await ours.ask(work)
    ours.close()
    yield {
      figure: `${batch} × ${time}`,
      ours: (1000 * seconds) / (batch * time),
      unit: 'ms/token',
      note: `train step with recomputation; peak ${(peakBytes / 1e9).toFixed(2)} GB`,
    }
  }
}
