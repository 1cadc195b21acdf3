// Stage `rl`: trains the policy against a reward model, or against the labeler's direct scores.
import type { StageInput } from '../../contracts/stages'
import { stopIds } from '../../model/ending'
import type { LoadedModel } from '../../model/loaded'
import type { Model } from '../../model/model'
import { loadPolicy } from '../../model/policy'
import { cloneModel } from '../../model/weights'
import type { TrainingHost, TrainingResult } from '../../training/checkpoint'
import { trainGrpo } from '../../training/grpo'
import type { RlSettings, RlTask } from '../../training/policy-gradient'
import { trainReinforce } from '../../training/reinforce'
import { addScoreHead } from '../../training/reward-model'
import { trainRloo } from '../../training/rloo'
import { collapsed } from '../rl-collapse'
import { figuresOfBoth } from '../jury-figures'
import { probeReward } from '../reward-probe'
import { warningOfFloor } from '../reward-floor'
import { openReward } from '../rl-reward'
import { rlFigures, validationPrompts } from '../rl-figures'
import { promptsOf, readData } from '../rows'
import { trainingHost, type Stage } from '../stage'
import { loadedFor, trainable } from '../trainable'
import { openValidatedPolicy, referenceOf } from '../validated-policy'
import { openWatch } from '../watch'

type Settings = StageInput<'rl'>['settings']

export const rl: Stage<'rl'> = {
  async run(input, host) {
    const { task, train, evaluation } = readData(await host.open(input.data))
    const loaded = await loadPolicy(input.policy, host.open, loadedFor(input.settings))
    const opened = await openReward(input, task, loaded, host)
    const { rewardFor, labeler } = opened
    const settings = trainingSettings(input, loaded)

    const held = validationPrompts(train, settings)
    const rows = train.slice(held.length)
    const from = { policy: input.policy, folder: loaded.folder }
    const probing = {
      ...{ loaded, rows: [...held, ...evaluation], rewardFor, limits: input.limits, seed: input.seed },
      ...{ sampling: settings.sampling, missingEosPenalty: settings.missingEosPenalty },
    }
    const probe = settings.probe && (await probeReward({ ...probing, settings: settings.probe }, host))
    const inMemory = { artifact: input.policy, model: loaded.model }
    const watching = { task, loaded, inMemory, held, seed: input.seed, role: 'rl.watch.labeler' } as const
    const watch = await openWatch(input.watch, watching, host)

    // after all that reads the policy as it came
    const policy = trainable(loaded.model, input.settings, input.seed)
    const reference = referenceOf(policy, loaded.model)
    const validating = { from, loaded, held, reward: rewardFor(held), watch, settings }
    const validated = await openValidatedPolicy(policy, validating, host)
    const problem: RlTask = {
      prompts: promptsOf(loaded, rows),
      reward: rewardFor(rows),
      collapsed: (metrics) => collapsed(metrics, settings),
      ...(validated.afterStep && { afterStep: validated.afterStep }),
      ...(validated.finished && { finished: validated.finished }),
    }
    const { history, stopped } = await trainPolicy(
      { policy, reference, initial: loaded.model },
      problem,
      settings,
      trainingHost(input.rewardModel ? host : warningOfFloor(host, input), 'training', settings.checkpointEvery),
    )
    const validation = validated.write(history)
    const spent = watch ? figuresOfBoth(opened, watch) : opened.spent()
    const figures = rlFigures(input, history, { labeler, ...(validation && { validation }), stopped, spent })
    return { ...figures, ...probe }
  },
}

type TrainingSettings = Omit<Settings, 'temperature'> & RlSettings

function trainingSettings(
  { settings: { temperature, ...settings }, limits, seed }: StageInput<'rl'>,
  loaded: LoadedModel,
): TrainingSettings {
  return {
    ...settings,
    seed,
    sampling: {
      maxTokens: limits.responseTokens,
      temperature,
      stopIds: stopIds(loaded),
      batchSize: settings.batchSize,
    },
  }
}

function trainPolicy(
  { policy, reference, initial }: { policy: Model; reference: Model; initial: Model },
  problem: RlTask,
  settings: TrainingSettings,
  host: TrainingHost,
): Promise<TrainingResult> {
  if (settings.algorithm === 'rloo') return trainRloo({ policy, reference }, problem, settings, host)
  if (settings.algorithm === 'grpo') return trainGrpo({ policy, reference }, problem, settings, host)
  const value = policy.lora
    ? trainable(initial, settings, settings.seed + 1)
    : { ...policy, weights: cloneModel(policy).weights }
  addScoreHead(value, settings.seed, 0)
  return trainReinforce({ policy, reference, value }, problem, settings, host)
}
