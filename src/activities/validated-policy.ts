// What stages that sample from the policy in training share: its validation on held-out prompts, the candidates among its
// steps, and what is written of it in the end.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LOG_FILE } from '../artifacts/store'
import type { Row } from '../data/row'
import { writeJsonl } from '../json-lines'
import { linkOrCopyFolder } from '../link-or-copy'
import type { LoadedModel } from '../model/loaded'
import type { Model } from '../model/model'
import { onlyForReading } from '../model/reading-copy'
import { cloneModel } from '../model/weights'
import { openCandidates, type CandidateRecord } from '../training/candidates'
import type { Metrics } from '../training/checkpoint'
import type { Reward } from '../training/rollout'
import { openValidation } from '../training/validation'
import { inText } from './rl-figures'
import { candidateFolder, promptsOf, writeCandidates, writeValidations } from './rows'
import { partNotes, type StageHost } from './stage'
import { saveTrained, type TrainedFrom } from './trainable'

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
  settings: Parameters<typeof openValidation>[2] & { candidates: number }
}

export interface ValidatedPolicy {
  /** The hook of the same name in training; undefined without validation prompts. */
  afterStep: ((step: number) => Promise<Metrics>) | undefined
  /**
   * Writes the policy, its candidates as model folders with their responses, for stage `choose`, the validations and the
   * curves.
   * @returns the reward before training and the candidates that count, best first; undefined without validation prompts
   */
  write(history: readonly Metrics[]): { initial: number; trusted: readonly CandidateRecord[] } | undefined
}

/** Validates the policy as it is, before its first step. */
export async function openValidatedPolicy(
  policy: Model,
  { from, loaded, held, reward, settings }: Validated,
  host: StageHost,
): Promise<ValidatedPolicy> {
  const candidates = openCandidates(join(host.checkpoints, 'candidates'), settings.candidates)
  const task = { prompts: promptsOf(loaded, held), reward, candidates, onPart: partNotes(host) }
  const validation = held.length > 0 ? await openValidation(policy, task, settings) : undefined
  const textOf = (record: CandidateRecord) => inText(record, loaded.tokenizer)

  function writeValidated(initial: CandidateRecord, isTrusted: (record: CandidateRecord) => boolean) {
    const trusted = candidates.list().filter(isTrusted)
    for (const record of trusted)
      candidates.withPolicy(record, policy, (then) =>
        saveTrained(then, join(host.output, candidateFolder(record.step)), from),
      )
    writeCandidates(host.output, {
      rows: held.map(({ id, context }) => ({ id, context })),
      initial: textOf(initial),
      candidates: trusted.map(textOf),
    })
    writeValidations(host.output, [initial, ...candidates.all().filter(isTrusted)].map(textOf))
    return { initial: initial.reward, trusted }
  }

  return {
    afterStep: validation?.afterStep,
    write(history) {
      // later ones are of steps that were rolled back
      const isTrusted = ({ step }: CandidateRecord) => step <= history.length
      const validated = validation && writeValidated(validation.initial, isTrusted)
      const last = join(host.output, candidateFolder(history.length))
      if (existsSync(last)) linkOrCopyFolder(last, host.output)
      else saveTrained(policy, host.output, from)
      writeJsonl(join(host.output, LOG_FILE), history)
      return validated
    },
  }
}
