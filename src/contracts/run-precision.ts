// The `precision` of a run, put where it holds.
import type { AlignInput } from './align-input'
import { onEngine } from './engine'
import { isEndpoint, isJury, type LabelerSettings, type MemberSettings } from './labeler-settings'
import type { Precision } from './precision'
import type { WatchSettings } from './watch-settings'

/**
 * Puts the run's precision into every group of settings that names none. An endpoint computes as it likes, and on Ray
 * `engine.ray.precision` says what trains and samples.
 */
export function withRunPrecision(settings: AlignInput): AlignInput {
  const { precision } = settings
  if (precision === undefined) return settings
  const inGroup = <T extends { precision?: Precision | undefined }>(group: T): T => ({ precision, ...group })
  const ofMember = (labeler: MemberSettings) => (isEndpoint(labeler) ? labeler : inGroup(labeler))
  const local = (labeler: LabelerSettings): LabelerSettings =>
    isJury(labeler) ? { ...labeler, jury: labeler.jury.map(ofMember) } : ofMember(labeler)
  const inTraining = <T extends { precision?: Precision | undefined; watch?: WatchSettings | undefined }>(
    group: T,
  ): T => inGroup({ ...group, ...(group.watch && { watch: { ...group.watch, labeler: local(group.watch.labeler) } }) })
  const asked = { ...settings, labeler: local(settings.labeler), judge: local(settings.judge) }
  if (onEngine(settings.engine).engine) return asked
  return {
    ...asked,
    ...(settings.revise && { revise: inGroup({ ...settings.revise, labeler: ofMember(settings.revise.labeler) }) }),
    sft: inGroup(settings.sft),
    sample: inGroup(settings.sample),
    rewardModel: inGroup(settings.rewardModel),
    dpo: inGroup(settings.dpo),
    onlineDpo: inTraining(settings.onlineDpo),
    rl: inTraining(settings.rl),
    evaluate: inGroup(settings.evaluate),
  }
}
