// The input of `rounds`, and the runs of `align` that it stands for.
import { z } from 'zod'
import { alignSchema, type AlignInput } from './align-input'
import type { Artifact } from './artifact'
import { runFields } from './input-fields'
import { isEndpoint, isJury, labelerSchema, type LabelerSettings, type MemberSettings } from './labeler-settings'
import { overlay } from './overlay'
import { InvalidInput, parse } from './parse'
import { evaluateSchema, responseTemperature } from './settings'

export const roundsSchema = z.strictObject({
  rounds: z.number().int().min(2).max(20).default(3).describe('Maximum number of rounds.'),
  base: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      'Fields of `align` for every round: method, task, data, model, labeler, rl, … From the second round on the model ' +
        'is the policy of the round before, which is also what RL is held close to; "labeler": "policy" is then that ' +
        'policy too.',
    ),
  stopWithoutGain: z
    .boolean()
    .default(true)
    .describe(
      'Whether a round is the last one when its policy does not win against that of the round before beyond the 95 % ' +
        'interval of its win rate.',
    ),
  judge: labelerSchema.meta({
    description:
      'Who judges each round against the one before, and at the end all policies against each other; should not be the ' +
      'labeler. The same fields as "labeler" of `align`; "policy" is the model before the first round.',
    default: { model: 'default' },
  }),
  agreementPairs: evaluateSchema.unwrap().shape.agreementPairs,
  temperature: responseTemperature,
  ...runFields,
})
export type RoundsInput = z.infer<typeof roundsSchema>

/** What a round starts from: the policy of the round before, and the model before the first one. */
export interface Earlier {
  policy: Artifact
  start: Artifact
}

/** "policy" as the judge is one and the same model in all rounds. */
function fixedJudge(judge: LabelerSettings, start: Artifact): LabelerSettings {
  const fixed = (member: MemberSettings): MemberSettings =>
    !isEndpoint(member) && member.model === 'policy' ? { ...member, model: start.uri } : member
  return isJury(judge) ? { ...judge, jury: judge.jury.map(fixed) } : fixed(judge)
}

/**
 * The input of `align` for a round.
 * @param earlier absent in the first round
 * @throws InvalidInput naming the field that a round cannot have
 */
export function roundInput(
  { base, judge, seed, onFailure, cache, queues, shards, notify, track }: RoundsInput,
  earlier?: Earlier,
): AlignInput {
  for (const field of ['seed', 'judge', 'untilStage', 'initialPolicy'])
    if (field in base)
      throw new InvalidInput(
        `rounds: field "base.${field}" is none of a round` +
          (field === 'seed' || field === 'judge' ? `; give "${field}" of the run itself` : ''),
      )
  const ofRun = { onFailure, cache, queues, ...(shards && { shards }), notify, ...(track && { track }) }
  const shared = { judge, ...overlay(ofRun, base), seed }
  const checked = parse(alignSchema, shared, 'rounds: base')
  if (checked.method === 'sft')
    throw new InvalidInput('rounds: field "base.method" got "sft", which learns nothing new in a second round')
  if (!earlier) return checked
  const { revise: _, ...later } = checked // the first round's SFT has learned from the revisions
  return {
    ...later,
    model: earlier.policy.uri,
    initialPolicy: 'model',
    judge: fixedJudge(checked.judge, earlier.start),
  }
}
