// One RL step compared with TRL's RLOOTrainer on PyTorch: sampling, reward, reference log-probabilities, update; the
// default model, in float32 and bfloat16; the ratio is of the faster of both on each side.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultModelFolder } from '../setup/places.mjs'
import { peerPython } from './peer.mjs'
import { inTurn, memoryRow, openSideAnew, openSides, speedRow } from './sides.mjs'

const here = dirname(fileURLToPath(import.meta.url))
/** The first step of a run is a warm-up and is not counted. */
const WORK = {
  figure: 'rl-step',
  texts: Array.from(
    { length: 4 },
    (_, i) => `Post ${i}. ${'My cat sits on the keyboard whenever I write. '.repeat(8)}`,
  ),
  groupSize: 4,
  tokens: 48,
  steps: 3,
}

export async function* bench({ rounds }) {
  const sides = openSides(
    (precision) => openSideAnew(process.execPath, [join(here, 'rl-ours.mjs'), defaultModelFolder, precision]),
    (precision) => openSideAnew(peerPython(), [join(here, 'rl_peer.py'), defaultModelFolder, precision]),
  )
  const measured = await inTurn(sides, WORK, rounds, { warmUp: false })
  const amount = WORK.texts.length * WORK.groupSize * WORK.tokens
  const note = 'RLOO, 4 prompts of 84 × 4 responses of 48, AdamW'
  yield speedRow('rl-step', measured, { amount, unit: 'tokens/s', note })
  yield memoryRow('rl-step-memory', measured.peaks, 'as above, whole process')
}
