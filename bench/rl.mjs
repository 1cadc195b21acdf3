// One RL step compared with TRL's RLOOTrainer on PyTorch: sampling, reward, reference log-probabilities, update; the
// default model, float32.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultModelFolder } from '../setup/places.mjs'
import { peerPython } from './peer.mjs'
import { inTurn, openSide, speedRow } from './sides.mjs'

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
  const ours = openSide(process.execPath, [join(here, 'rl-ours.mjs'), defaultModelFolder])
  const peer = openSide(peerPython(), [join(here, 'rl_peer.py'), defaultModelFolder])
  try {
    const pairs = await inTurn(ours, peer, WORK, rounds)
    yield speedRow(
      'rl-step',
      pairs,
      WORK.texts.length * WORK.groupSize * WORK.tokens,
      'tokens/s',
      'RLOO, 4 prompts of 84 × 4 responses of 48, AdamW',
    )
    const [mine, theirs] = pairs.at(-1).map(({ peakBytes }) => peakBytes / 1e9)
    yield {
      figure: 'rl-step-memory',
      ours: mine,
      peer: theirs,
      unit: 'GB peak',
      ratio: theirs / mine,
      low: theirs / mine,
      high: theirs / mine,
      note: 'as above, whole process',
    }
  } finally {
    ours.close()
    peer.close()
  }
}
