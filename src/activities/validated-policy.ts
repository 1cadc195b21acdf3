// What stages that sample from the policy in training share: its validation on held-out prompts, the candidates among
// its steps, and what is written of it in the end.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LOG_FILE } from '../artifacts/store'
import type { Summary } from '../contracts/artifact'
import { REWARD, WATCH, type Scores } from '../contracts/validation-scores'
import type { Row } from '../data/row'
import { writeJsonl } from '../json-lines'
import { linkOrCopyFolder } from '../link-or-copy'
import type { LoadedModel } from '../model/loaded'
import type { Model } from '../model/model'
import { onlyForReading } from '../model/reading-copy'
import { cloneModel } from '../model/weights'
import { bestFirst, openCandidates, type CandidateRecord } from '../training/candidates'
import type { Metrics } from '../training/checkpoint'
import type { Reward } from '../training/rollout'
import { openValidation } from '../training/validation'
import { inText } from './rl-figures'
import { candidateFolder, promptsOf, writeCandidates, writeValidations } from './rows'
import { partNotes, type StageHost } from './stage'
import { saveTrained, type TrainedFrom } from './trainable'
import { openLiveValidations, writeValidationScores } from './validation-files'
import type { OpenedWatch } from './watch'
import { openAlarm, type Found } from './watch-alarm'

/** The policy as it is before training, in its precision. An adapter does not change the weights it starts from. */
export function referenceOf({ lora, precision }: Model, loaded: Model): Model {
  if (lora) return loaded
  const own = cloneModel(loaded) // training frees the tensors of the policy
  return precision === 'bfloat16' ? onlyForReading(own) : own
}

interface Validated {
  from: TrainedFrom
  loaded: LoadedModel
  /** The validation prompts. */
  held: readonly Row[]
  /** Of responses to them. */
  reward: Reward
  watch: OpenedWatch | undefined
  settings: Parameters<typeof openValidation>[2] & { candidates: number }
}

export interface ValidatedPolicy {
  /** The hook of the same name in training; undefined without validation prompts. */
  afterStep: ((step: number) => Promise<Metrics>) | undefined
  /** The hook of the same name in training; undefined where nobody watches. */
  finished: ((history: readonly Metrics[]) => boolean) | undefined
  /**
   * Writes the policy, its candidates as model folders with their responses, for stage `choose`, the validations and the
   * curves.
   * @returns undefined without validation prompts
   * @throws where a watch has seen what a person is to decide about
   */
  write(history: readonly Metrics[]): Outcome | undefined
}

interface Outcome {
  /** The reward before training. */
  initial: number
  /** The candidates that count, best first. */
  trusted: readonly CandidateRecord[]
  /** What a watch has found. */
  watched?: Summary
}

/** What single responses were given. */
const scoresOf = ({ rewards, watched }: CandidateRecord): Scores => ({
  ...(rewards && { [REWARD]: rewards }),
  ...(watched && { [WATCH]: watched }),
})

/** Validates the policy as it is, before its first step. */
export async function openValidatedPolicy(
  policy: Model,
  { from, loaded, held, reward, watch, settings }: Validated,
  host: StageHost,
): Promise<ValidatedPolicy> {
  const candidates = openCandidates(join(host.checkpoints, 'candidates'), settings.candidates)
  const alarm = watch && openAlarm(watch, settings, host)
  const textOf = (record: CandidateRecord) => inText(record, loaded.tokenizer)
  const show = held.length > 0 ? openLiveValidations(host, held) : () => {}
  const consider = (record: CandidateRecord, model: Model) => {
    show({ ...textOf(record), scores: scoresOf(record) })
    candidates.consider(record, model)
  }
  const shown = { ...candidates, consider }
  const task = { prompts: promptsOf(loaded, held), reward, candidates: shown, watch: alarm, onPart: partNotes(host) }
  const validation = held.length > 0 ? await openValidation(policy, task, settings) : undefined
  if (validation) {
    show({ ...textOf(validation.initial), scores: scoresOf(validation.initial) })
    alarm?.remind([validation.initial, ...candidates.all()])
  }

  /** The candidates among the steps up to `last`; the one that training went back to is among them. */
  function trustedUpTo(last: number, back: Found['back']) {
    const kept = candidates.list().filter(({ step }) => step <= last)
    const extra = candidates.all().filter(({ step }) => step === back?.step && !kept.some((one) => one.step === step))
    return [...kept, ...extra].sort(bestFirst).map((record) => ({
      record,
      withPolicy: (use: (policy: Model) => void) =>
        extra.includes(record) ? back!.withPolicy(use) : candidates.withPolicy(record, policy, use),
    }))
  }

  function writeValidated(initial: CandidateRecord, last: number): Outcome & Pick<Found, 'back'> {
    const validations = [initial, ...candidates.all().filter(({ step }) => step <= last)]
    const found = alarm?.found(validations, policy)
    const trusted = trustedUpTo(found?.back?.step ?? last, found?.back)
    for (const { record, withPolicy } of trusted)
      withPolicy((then) => saveTrained(then, join(host.output, candidateFolder(record.step)), from))
    writeCandidates(host.output, {
      rows: held.map(({ id, context }) => ({ id, context })),
      initial: textOf(initial),
      candidates: trusted.map(({ record }) => textOf(record)),
    })
    writeValidations(host.output, validations.map(textOf))
    writeValidationScores(
      host.output,
      validations.map((record) => ({ step: record.step, scores: scoresOf(record) })),
    )
    return {
      initial: initial.reward,
      trusted: trusted.map(({ record }) => record),
      ...(found && { watched: found.figures }),
      ...(found?.back && { back: found.back }),
    }
  }

  return {
    afterStep: validation?.afterStep,
    finished: alarm?.finished,
    write(history) {
      // later ones are of steps that were rolled back
      const { back, ...outcome } = (validation && writeValidated(validation.initial, history.length)) ?? {}
      const last = join(host.output, candidateFolder(back?.step ?? history.length))
      if (existsSync(last)) linkOrCopyFolder(last, host.output)
      else if (back) back.withPolicy((then) => saveTrained(then, host.output, from))
      else saveTrained(policy, host.output, from)
      writeJsonl(join(host.output, LOG_FILE), history)
      return validation && (outcome as Outcome)
    },
  }
}
