// Who asks a labeler's questions, for the store of answers: the run, and the piece of work whose attempts share one
// budget (`maxCost`) and pay for no question twice.
import type { Asker } from '../artifacts/answers'
import { keyOf } from '../artifacts/store'
import { isJury, membersOf, PACE, type KeptAnswers, type LabelerSettings } from '../contracts/labeler-settings'
import type { Summary } from '../contracts/artifact'
import type { StageName } from '../contracts/stages'

const ROLES = ['labeler', 'judge', 'watch'] as const
type Role = (typeof ROLES)[number]
type WithLabelers = Partial<Record<Role, { settings: LabelerSettings; action?: unknown }>>
const DAY_MS = 86_400_000

/** Which answers of earlier runs a stage may use: the strictest of its labelers' settings. */
function policyOf(input: object): KeptAnswers {
  const policies = ROLES.flatMap((role): KeptAnswers[] => {
    const labeler = (input as WithLabelers)[role]
    return labeler ? membersOf(labeler.settings).map(({ answers }) => answers ?? 'keep') : []
  })
  return policies.find((policy) => policy === 'again') ?? policies.find((policy) => policy !== 'keep') ?? 'keep'
}

/** Whether a stage asks anew: then only attempts of the same run find its artifact. */
export const asksAgain = (input: object): boolean => policyOf(input) === 'again'

/** Whether an artifact rests on answers that are older than its stage's labeler may use. */
export function restsOnOldAnswers({ answersFrom, undatedAnswers }: Summary, input: object): boolean {
  const policy = policyOf(input)
  if (typeof policy === 'string' || typeof answersFrom !== 'string') return false
  return Number(undatedAnswers ?? 0) > 0 || Date.now() - Date.parse(answersFrom) > (policy.maxAgeDays + 1) * DAY_MS
}

/**
 * @param ofRun whether the work is this run's alone
 * @returns who asks. A limit that a person raises leaves the work the same: what is spent stays spent
 */
export function askerOf(stage: StageName, version: number, input: object, run: string, ofRun: boolean): Asker {
  const own = (ofRun || policyOf(input) !== 'keep') && { run }
  return { run, work: `${stage}-${keyOf(stage, version, { ...withoutPace(input), ...own })}` }
}

function withoutPace(input: object): object {
  const labelers = ROLES.flatMap((role) => {
    const labeler = (input as WithLabelers)[role]
    if (!labeler) return []
    const { action: _, ...asked } = labeler // of a watch: what a person decides later leaves the work the same
    return [[role, { ...asked, settings: settingsWithoutPace(labeler.settings) }]]
  })
  return { ...input, ...Object.fromEntries(labelers) }
}

function settingsWithoutPace(settings: LabelerSettings): object {
  if (isJury(settings)) return { ...settings, jury: settings.jury.map(settingsWithoutPace) }
  return Object.fromEntries(Object.entries(settings).filter(([field]) => !PACE.includes(field)))
}
