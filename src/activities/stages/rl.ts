// Stage `rl`: trains the policy against a reward model, or against the labeler's direct scores.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LOG_FILE } from '../../artifacts/store'
import type { StageInput } from '../../contracts/stages'
import { writeJsonl } from '../../json-lines'
import { linkOrCopyFolder } from '../../link-or-copy'
import type { Row } from '../../data/row'
import { stopIds } from '../../model/ending'
import type { LoadedModel } from '../../model/loaded'
import type { Model } from '../../model/model'
import { loadPolicy } from '../../model/policy'
import { onlyForReading } from '../../model/reading-copy'
import { cloneModel } from '../../model/weights'
import { openCandidates, type CandidateRecord, type Candidates } from '../../training/candidates'
import type { TrainingHost, TrainingResult } from '../../training/checkpoint'
import type { RlSettings, RlTask } from '../../training/policy-gradient'
import { trainGrpo } from '../../training/grpo'
import { trainReinforce } from '../../training/reinforce'
import { addScoreHead } from '../../training/reward-model'
import { trainRloo } from '../../training/rloo'
import { openValidation } from '../../training/validation'
import { collapsed } from '../rl-collapse'
import { openReward } from '../rl-reward'
import { inText, rlFigures, validationPrompts } from '../rl-figures'
import { candidateFolder, promptsOf, readData, writeCandidates, writeValidations } from '../rows'
import { partNotes, trainingHost, type Stage } from '../stage'
import { loadedFor, saveTrained, trainable, type TrainedFrom } from '../trainable'

type Settings = StageInput<'rl'>['settings']

/** The policy as it is before training, in its precision. An adapter does not change the weights it starts from. */
function referenceOf({ lora, precision }: Model, loaded: Model): Model {
  if (lora) return loaded
  const own = cloneModel(loaded) // training frees the tensors of the policy
  return precision === 'bfloat16' ? onlyForReading(own) : own
}

export const rl: Stage<'rl'> = {
  async run(input, host) {
    const { task, train } = readData(await host.open(input.data))
    const loaded = await loadPolicy(input.policy, host.open, loadedFor(input.settings))
    const { rewardFor, labeler, spent } = await openReward(input, task, loaded, host)
    const policy = trainable(loaded.model, input.settings, input.seed)
    const reference = referenceOf(policy, loaded.model)
    const settings = trainingSettings(input, loaded)
    const from = { policy: input.policy, folder: loaded.folder }

    const held = validationPrompts(train, settings)
    const rows = train.slice(held.length)
    const candidates = openCandidates(join(host.checkpoints, 'candidates'), settings.candidates)
    const validation =
      held.length > 0
        ? await openValidation(
            policy,
            { prompts: promptsOf(loaded, held), reward: rewardFor(held), candidates, onPart: partNotes(host) },
            settings,
          )
        : undefined
    const problem: RlTask = {
      prompts: promptsOf(loaded, rows),
      reward: rewardFor(rows),
      collapsed: (metrics) => collapsed(metrics, settings),
      ...(validation && { afterStep: validation.afterStep }),
    }
    const { history, stopped } = await trainPolicy(
      { policy, reference, initial: loaded.model },
      problem,
      settings,
      trainingHost(host, 'training', settings.checkpointEvery),
    )

    // later ones are of steps that were rolled back
    const isTrusted = ({ step }: CandidateRecord) => step <= history.length
    const trusted = candidates.list().filter(isTrusted)

    if (validation) {
      saveCandidates(host.output, {
        candidates,
        trusted,
        policy,
        from,
        loaded,
        rows: held,
        initial: validation.initial,
      })
      writeValidations(
        host.output,
        [validation.initial, ...candidates.all().filter(isTrusted)].map((record) => inText(record, loaded.tokenizer)),
      )
    }
    const last = join(host.output, candidateFolder(history.length))
    if (existsSync(last)) linkOrCopyFolder(last, host.output)
    else saveTrained(policy, host.output, from)
    writeJsonl(join(host.output, LOG_FILE), history)
    return rlFigures(input, history, {
      labeler,
      ...(validation && { validation: { initial: validation.initial.reward, trusted } }),
      stopped,
      spent: spent(),
    })
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
  const value = trainable(policy.lora ? initial : cloneModel(initial), settings, settings.seed + 1)
  addScoreHead(value, settings.seed, 0)
  return trainReinforce({ policy, reference, value }, problem, settings, host)
}

interface CandidatesToSave {
  candidates: Candidates
  trusted: readonly CandidateRecord[]
  policy: Model
  from: TrainedFrom
  loaded: LoadedModel
  /** The validation prompts. */
  rows: readonly Row[]
  /** The SFT model on them. */
  initial: CandidateRecord
}

/** Each candidate as a model folder, with its responses, for stage `choose`. */
function saveCandidates(
  output: string,
  { candidates, trusted, policy, from, loaded, rows, initial }: CandidatesToSave,
): void {
  for (const record of trusted) {
    candidates.withPolicy(record, policy, (then) => saveTrained(then, join(output, candidateFolder(record.step)), from))
  }
  writeCandidates(output, {
    rows: rows.map(({ id, context }) => ({ id, context })),
    initial: inText(initial, loaded.tokenizer),
    candidates: trusted.map((record) => inText(record, loaded.tokenizer)),
  })
}
