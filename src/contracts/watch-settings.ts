// Settings of a watch: a second judge that looks at what is trained, to see whether its reward still means something.
import { z } from 'zod'
import { labelerSchema, membersOf, type LabelerSettings } from './labeler-settings'
import { isRecord } from './overlay'
import { refuseUnasked, type AskedFor } from './unasked'

/** How a watch is used, beside who it is. */
export const watchFields = {
  ask: z
    .enum(['scores', 'pairs'])
    .default('scores')
    .describe(
      'What the watch is asked about each response. "scores": the score question of the task or, with ' +
        '"score": "rubric", its rubric; "pairs": whether it is better than the response of the SFT model to the ' +
        'same prompt.',
    ),
  action: z
    .enum(['warn', 'stop', 'back', 'park'])
    .default('warn')
    .describe(
      'What follows when the reward has risen and the watch has fallen beyond noise. "warn": the run says so and ' +
        'goes on; "stop": training ends; "back": it ends, and the policy is that of the validation that the watch ' +
        'liked best, after which no checkpoint is a candidate; "park": the stage fails, and a person decides.',
    ),
}

export const watchSchema = z
  .strictObject({
    labeler: labelerSchema.meta({
      description:
        'Who watches: another labeler, a jury, or the same one by another question; the same fields as "labeler".',
      default: { model: 'default' },
    }),
    ...watchFields,
  })
  .describe(
    'A second judge, which the policy is not trained on, looks at the responses of every validation. ' +
      'Default: nobody does.',
  )
export type WatchSettings = z.infer<typeof watchSchema>

interface Watched {
  watch?: WatchSettings | undefined
  candidates: number
}

/** A watch looks at validations, which there are for candidates only. */
export const watchNeedsValidation = ({ watch, candidates }: Watched): boolean => watch === undefined || candidates > 0
export const refusedWithoutValidation = {
  path: ['watch'],
  message: 'has no meaning when "candidates" is 0: nothing is validated, so there is nothing to look at; raise it',
}

/** What the policy is trained on, where a labeler gives it; undefined for a reward model. */
interface TrainedOn {
  labeler: LabelerSettings
  asked: AskedFor
}

/**
 * Names what has no meaning in a watch's settings.
 * @param path of the watch in the input
 */
export function refuseWatch(
  watch: WatchSettings | undefined,
  path: readonly string[],
  trainedOn: TrainedOn | undefined,
  context: Pick<z.core.$RefinementCtx, 'addIssue'>,
): void {
  if (!watch) return
  refuseUnasked(watch.labeler, watch.ask, [...path, 'labeler'], context)
  if (trainedOn?.asked === watch.ask && whoAndHow(trainedOn.labeler) === whoAndHow(watch.labeler))
    context.addIssue({
      code: 'custom',
      path: [...path, 'labeler'],
      message:
        'is the labeler that the policy is trained on, asked the same: it would see what the reward sees; name ' +
        `another one, or set "ask" to ${watch.ask === 'pairs' ? '"scores"' : '"pairs"'}`,
    })
}

/** Labelers with the same text give the same answers. */
const whoAndHow = (labeler: LabelerSettings): string =>
  JSON.stringify(
    membersOf(labeler).map((member) =>
      Object.entries(member)
        .filter(([field]) => field !== 'answers')
        .sort(),
    ),
  )

/** The groups of settings that can have a watch, and whether a method trains by them. */
const GROUPS: Record<'rl' | 'onlineDpo', (method: unknown) => boolean> = {
  rl: (method) => !['sft', 'dpo', 'online-dpo'].includes(String(method)),
  onlineDpo: (method) => method === 'online-dpo',
}
type Group = keyof typeof GROUPS

/** Names a watch of a training that the method does not do. */
export function refuseIdleWatch(
  method: string,
  given: Partial<Record<Group, { watch?: WatchSettings | undefined }>>,
  { addIssue }: Pick<z.core.$RefinementCtx, 'addIssue'>,
): void {
  for (const [group, trains] of Object.entries(GROUPS) as [Group, (typeof GROUPS)[Group]][])
    if (given[group]?.watch && !trains(method))
      addIssue({
        code: 'custom',
        path: [group, 'watch'],
        message: `has no meaning with method "${method}", which does no such training; remove it`,
      })
}

/** Fields that several methods share, as one of them takes them: a watch that others have is none of its own. */
export function withoutIdleWatch(shared: Record<string, unknown>, method: unknown): Record<string, unknown> {
  const kept = Object.entries(shared).map(([group, value]) => {
    const idle = Object.hasOwn(GROUPS, group) && isRecord(value) && !GROUPS[group as Group](method)
    return [group, idle ? { ...value, watch: undefined } : value] as const
  })
  return Object.fromEntries(kept)
}
