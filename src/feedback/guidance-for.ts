// What a labeler asks of its task beside the task's own questions: rubric and principles.
import type { MemberSettings } from '../contracts/labeler-settings'
import { InvalidInput } from '../contracts/parse'
import type { TaskGuidance } from '../data/task'
import type { Guidance } from './technique'

/**
 * What a labeler's technique asks of the task.
 * @param role the setting that configures the labeler
 * @throws InvalidInput naming what the task lacks
 */
export function guidanceFor(
  { score, principles }: Pick<MemberSettings, 'score' | 'principles'>,
  given: TaskGuidance | undefined,
  role: string,
): { guidance?: Guidance } {
  const wanted = [
    ...(score === 'rubric' ? [{ name: 'rubric', field: 'score' } as const] : []),
    ...(principles ? [{ name: 'principles', field: 'principles' } as const] : []),
  ]
  const missing = wanted.find(({ name }) => given?.[name] === undefined)
  if (missing)
    throw new InvalidInput(
      `field "${role}.${missing.field}" asks for the ${missing.name} of the task ${given?.task ?? 'of this stage'}, which has ` +
        `none; add "${missing.name}" to its task.json, or remove "${role}.${missing.field}"`,
    )
  if (wanted.length === 0) return {}
  return { guidance: Object.fromEntries(wanted.map(({ name }) => [name, given![name]])) }
}
