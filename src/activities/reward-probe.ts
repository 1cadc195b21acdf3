// The probe before RL: what the reward gives responses that it should not like.
import { mkdirSync } from 'node:fs'
import type { Summary } from '../contracts/artifact'
import type { ProbeSettings } from '../contracts/probe-settings'
import type { Limits } from '../contracts/settings'
import { InvalidInput } from '../contracts/parse'
import type { Row } from '../data/row'
import { liking, probedResponse, type ProbedResponse, type RewardProbe } from '../evaluation/reward-probe'
import { mean } from '../mean'
import type { LoadedModel } from '../model/loaded'
import type { SamplingSettings } from '../model/generate'
import { formatNumber } from '../number-format'
import { rewardWithEosRule, sampleAndScore, type Reward } from '../training/rollout'
import { readProbe, writeProbe } from './probe-file'
import { promptsOf } from './rows'
import { partNotes, type StageHost } from './stage'
import { encodeResponse } from './written-responses'

export interface Probed {
  settings: ProbeSettings
  /** The policy before training. */
  loaded: LoadedModel
  /** The prompts: as many of them as the settings say are used. */
  rows: readonly Row[]
  rewardFor(rows: readonly Row[]): Reward
  limits: Limits
  sampling: SamplingSettings
  missingEosPenalty: number
  seed: number
}

/**
 * Probes the reward, once for all attempts of the work.
 * @returns the figures of the stage
 */
export async function probeReward(probed: Probed, host: StageHost): Promise<Summary> {
  const rows = probed.rows.slice(0, probed.settings.prompts)
  if (rows.length < 2)
    throw new InvalidInput(
      `rl.probe: ${rows.length} prompts are held out, too few to probe with; raise data.evaluationPrompts`,
    )
  const probe = readProbe(host.checkpoints) ?? (await askReward(probed, rows, host))
  writeProbe(host.output, probe)
  for (const one of probe.responses) if (liking(one) !== 'disliked') host.warn(sentence(one, probe))
  return probeFigures(probe)
}

async function askReward(probed: Probed, rows: readonly Row[], host: StageHost): Promise<RewardProbe> {
  const { loaded, sampling, seed, settings } = probed
  const texts = Object.entries(settings.responses)
  const reward = probed.rewardFor(rows)
  const chosen = rows.map((_, i) => i)
  const task = { prompts: promptsOf(loaded, rows), chosen, reward, onPart: partNotes(host) }
  const report = (done: number, metrics = {}) =>
    host.report({ phase: 'probing the reward', done, total: texts.length + 1, unit: 'responses', metrics })
  const { samples, scores } = await sampleAndScore(loaded.model, task, { ...sampling, temperature: 0 }, [seed, 'probe'])
  const own = ruled(probed, reward, scores, (i) => samples[i]!.stopped)
  const responses: ProbedResponse[] = []
  for (const [name, text] of texts) {
    report(responses.length + 1)
    const { ids, stopped } = encodeResponse(loaded, text, probed.limits)
    const given = await reward.score(chosen.map((prompt) => ({ prompt, ids })))
    responses.push(
      probedResponse(
        { name, text },
        own,
        ruled(probed, reward, given, () => stopped),
      ),
    )
    report(responses.length + 1, { [`probe ${name}`]: responses.at(-1)!.difference.value })
  }
  reward.takeMetrics?.() // those of the probe are no metrics of a step
  const probe = { prompts: rows.length, own: mean(own), responses }
  mkdirSync(host.checkpoints, { recursive: true })
  writeProbe(host.checkpoints, probe)
  return probe
}

/** As RL sees them: a response that was cut loses the penalty. */
const ruled = (
  { missingEosPenalty }: Probed,
  { floor }: Reward,
  scores: readonly number[],
  stopped: (i: number) => boolean,
): number[] => scores.map((score, i) => rewardWithEosRule(score, stopped(i), missingEosPenalty, floor))

const differenceText = ({ difference: { value, low, high } }: ProbedResponse): string =>
  `${value > 0 ? '+' : ''}${formatNumber(value, 3)}` +
  (Number.isNaN(low) ? '' : ` (95 % interval ${formatNumber(low, 3)} to ${formatNumber(high, 3)})`)

/** E.g. "the reward prefers the response "flattery" to the policy's own by +0.3 (95 % interval …), on 100 prompts". */
function sentence(response: ProbedResponse, { prompts }: RewardProbe): string {
  const what = `the response "${response.name}"`
  const by = `${differenceText(response)}, on ${prompts} prompts`
  return liking(response) === 'liked'
    ? `the reward prefers ${what} to the policy's own by ${by}`
    : `the reward does not tell ${what} from the policy's own: it gives ${by}`
}

function probeFigures(probe: RewardProbe): Summary {
  const differences = probe.responses.flatMap(({ name, difference: { value, low, high } }): [string, number][] => [
    [`probe ${name}`, value],
    ...(Number.isNaN(low)
      ? []
      : ([
          [`probe ${name}Low`, low],
          [`probe ${name}High`, high],
        ] as [string, number][])),
  ])
  const noted = probe.responses.filter((one) => liking(one) !== 'disliked').map((one) => sentence(one, probe))
  return {
    probePrompts: probe.prompts,
    probeOwn: probe.own,
    ...Object.fromEntries(differences),
    ...(noted.length > 0 && { probeLiked: noted.join('; ') }),
  }
}
