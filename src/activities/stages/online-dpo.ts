// Stage `online-dpo`: trains the policy on pairs that it samples itself and that the labeler compares at once.
import type { Summary } from '../../contracts/artifact'
import type { StageInput } from '../../contracts/stages'
import { stopIds } from '../../model/ending'
import type { LoadedModel } from '../../model/loaded'
import { loadPolicy } from '../../model/policy'
import type { Metrics } from '../../training/checkpoint'
import { trainOnlineDpo, winsOverFirst } from '../../training/online-dpo'
import { figuresOfBoth } from '../jury-figures'
import { openLiveLabels } from '../live-labels'
import { collapsed } from '../rl-collapse'
import { validationFigures, validationPrompts } from '../rl-figures'
import { promptsOf, readData } from '../rows'
import { lastMean, trainingHost, type Stage } from '../stage'
import { loadedFor, trainable } from '../trainable'
import { openValidatedPolicy, referenceOf } from '../validated-policy'
import { openWatch } from '../watch'

export const onlineDpo: Stage<'online-dpo'> = {
  async run(input, host) {
    const { task, train } = readData(await host.open(input.data))
    const loaded = await loadPolicy(input.policy, host.open, loadedFor(input.settings))
    const opened = await openLiveLabels(input, task, loaded, host)
    const { labelsFor, labeler } = opened
    const settings = trainingSettings(input, loaded)

    const held = validationPrompts(train, settings)
    const rows = train.slice(held.length)
    const from = { policy: input.policy, folder: loaded.folder }
    const reward = winsOverFirst(labelsFor(held))
    const inMemory = { artifact: input.policy, model: loaded.model }
    const watching = { task, loaded, inMemory, held, seed: input.seed, role: 'onlineDpo.watch.labeler' } as const
    const watch = await openWatch(input.watch, watching, host)

    // after all that reads the policy as it came
    const policy = trainable(loaded.model, input.settings, input.seed)
    const reference = referenceOf(policy, loaded.model)
    const validated = await openValidatedPolicy(policy, { from, loaded, held, reward, watch, settings }, host)
    const { history, stopped } = await trainOnlineDpo(
      { policy, reference },
      {
        prompts: promptsOf(loaded, rows),
        labels: labelsFor(rows),
        collapsed: (metrics) => collapsed(metrics, settings, { group: 'onlineDpo', penalty: 'beta' }),
        ...(validated.afterStep && { afterStep: validated.afterStep }),
        ...(validated.finished && { finished: validated.finished }),
      },
      settings,
      trainingHost(host, 'training', settings.checkpointEvery),
    )
    const validation = validated.write(history)
    return {
      ...trainingFigures(history, input, labeler),
      ...(validation && validationFigures(validation)),
      ...(stopped !== undefined && { stopped }),
      ...(watch ? figuresOfBoth(opened, watch) : opened.spent()),
    }
  },
}

function trainingSettings(
  { settings: { temperature, ...settings }, limits, seed }: StageInput<'online-dpo'>,
  loaded: LoadedModel,
) {
  const sampling = {
    maxTokens: limits.responseTokens,
    temperature,
    stopIds: stopIds(loaded),
    batchSize: 2 * settings.batchSize,
  }
  return { ...settings, seed, sampling, missingEosPenalty: 0 }
}

const total = (history: readonly Metrics[], name: string) => history.reduce((sum, row) => sum + (row[name] ?? 0), 0)

function trainingFigures(
  history: readonly Metrics[],
  { settings }: StageInput<'online-dpo'>,
  labeler: string,
): Summary {
  const learned = history.filter(({ loss }) => loss !== undefined)
  const ofLast = (name: string) => (learned.some((row) => row[name] !== undefined) ? lastMean(learned, name) : null)
  return {
    labeler,
    steps: history.length,
    beta: settings.beta,
    labels: total(history, 'labels'),
    unlabelled: total(history, 'unlabelled'),
    meanConfidence: ofLast('confidence'),
    sameSlotShare: ofLast('sameSlotShare'),
    loss: ofLast('loss'),
    rewardMargin: ofLast('rewardMargin'),
    kl: lastMean(history, 'kl'),
    resumedAt: history.at(-1)!.resumedAt!,
  }
}
