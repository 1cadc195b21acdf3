// npm run rehearse -- ray [--kills N] [--seed N] [--stage S] [--only PART]: the engine on a real Ray of two nodes with a
// real Temporal server: whole runs, what a cluster's failures cost, cancellation, and what the messages of faults say.
import { refuse } from '../../../setup/flags.mjs'
import { faults } from './faults.mjs'
import { cancelled, killed, trainings } from './kills.mjs'
import { defaultModel, otherFamily, runs } from './runs.mjs'
import { openRaySite } from './site.mjs'

const PARTS = { runs, 'default-model': defaultModel, 'other-family': otherFamily, killed, cancelled, faults }

/**
 * @param given `kills`, `seed`, `stage` (of the kills; default: each in turn), `only` (one of PARTS)
 * @returns whether everything held
 */
export async function rehearseRay({ kills = 10, seed = 1, stage, only }) {
  refuseUnknown('--only', only, PARTS)
  refuseUnknown('--stage', stage, trainings)
  const results = []
  const check = (what, holds, figure = '') => {
    results.push(holds)
    console.log(`${holds ? '✓' : '✗'} ${what}${figure && `: ${figure}`}`)
  }
  const place = await openRaySite()
  try {
    for (const [name, part] of Object.entries(PARTS))
      if (!only || only === name) await part({ ...place, check, kills, seed, stage })
  } finally {
    await place.close()
  }
  console.log(`${results.filter(Boolean).length} passed, ${results.filter((holds) => !holds).length} failed`)
  return results.every(Boolean)
}

function refuseUnknown(flag, given, known) {
  if (given === undefined || known[given]) return
  refuse(`npm run rehearse --: ${flag} is "${given}"; set it to one of ${Object.keys(known).join(', ')}`)
}
