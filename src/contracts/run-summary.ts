// A run in one sentence, for lists of runs: what it does, on what, and by whom.
import { cutToBytes } from './brief'
import { usesLabeler, type AlignInput } from './align-input'
import { armsOf, type CompareInput } from './compare-input'
import type { HumanEvaluationInput } from './human-evaluation-input'
import { isEndpoint, isJury, type LabelerSettings, type MemberSettings } from './labeler-settings'
import type { MiniatureInput } from './miniature'
import { roundInput, type RoundsInput } from './rounds-input'
import type { StageWorkflowInput } from './stage-workflow-inputs'
import { metricOf, type SweepInput } from './sweep'
import { trialsOf } from './sweep-trials'
import type { workflowSchemas, WorkflowName } from './workflow-inputs'
import type { z } from 'zod'
import { metricWords } from './figures'
import { counted } from '../number-format'

const METHODS: Record<AlignInput['method'], string> = {
  sft: 'SFT',
  rlhf: 'RLHF',
  rlaif: 'RLAIF',
  'direct-rlaif': 'Direct RLAIF',
  'rlhf+rlaif': 'RLHF and RLAIF together',
  dpo: 'DPO',
  'online-dpo': 'Online DPO',
}

/** Where a model or an artifact is, by its last part. */
const named = (given: string | { uri: string }): string => {
  const text = typeof given === 'string' ? given : given.uri
  return text.includes('://') || text.startsWith('/')
    ? `…/${text.split('/').filter(Boolean).slice(-2).join('/')}`
    : text
}

const labelerName = (settings: LabelerSettings): string =>
  isJury(settings) ? `a jury of ${settings.jury.map(memberName).join(', ')}` : memberName(settings)

const memberName = (settings: MemberSettings): string =>
  isEndpoint(settings)
    ? `${settings.model} at ${settings.baseUrl.replace(/^https?:\/\//, '').split(/[/?]/)[0]}`
    : settings.model === 'policy'
      ? 'the policy itself'
      : named(settings.model)

const seedsText = (seeds: readonly number[]) => `${seeds.length === 1 ? 'seed' : 'seeds'} ${seeds.join(', ')}`

function alignSentence({ method, task, model, labeler, judge, seed, untilStage, dpo }: AlignInput): string {
  const asks = usesLabeler(method, dpo)
  const scored = method === 'direct-rlaif' ? 'scored' : 'labelled'
  return [
    `${METHODS[method]} of ${named(model)} on ${task}`,
    ...(asks ? [`${scored} by ${labelerName(labeler)}`] : []),
    untilStage === undefined ? `judged by ${labelerName(judge)}` : `until ${untilStage}`,
    `seed ${seed}`,
  ].join(', ')
}

function compareSentence(input: CompareInput): string {
  const arms = armsOf(input)
  const names = [...new Set(arms.map(({ name }) => name))]
  const { task } = arms[0]!.input
  const judged = `judged by ${labelerName(input.judge)}`
  return `Comparison of ${names.join(', ')} on ${task}, ${judged}, ${seedsText(input.seeds)}`
}

function roundsSentence(input: RoundsInput): string {
  const { method, model, task, labeler, seed, dpo } = roundInput(input)
  const by = usesLabeler(method, dpo) ? ` by ${labelerName(labeler)}` : ''
  return `Up to ${counted(input.rounds, 'round')} of ${METHODS[method]}${by} from ${named(model)} on ${task}, seed ${seed}`
}

function sweepSentence(input: SweepInput): string {
  const trials = trialsOf(input)
  const fields = [...new Set(trials.flatMap(({ levels }) => Object.keys(levels)))]
  const over = fields.length === 0 ? '' : ` over ${fields.join(', ')}`
  const ofWhat = `${counted(trials.length, 'trial')} of ${input.workflow}`
  return `Sweep ${input.name}${over}: ${ofWhat}, by ${metricWords(metricOf(input))}`
}

const humanSentence = ({ raters, kind, prompts }: HumanEvaluationInput): string =>
  `Human evaluation: ${raters.join(', ')} ${kind === 'rank' ? 'rank' : 'judge'} responses ` +
  `to ${counted(prompts, 'prompt')}`

const stage = {
  sft: ({ model, task }: StageWorkflowInput<'sft'>) => `SFT of ${named(model)} on ${task}`,
  sample: ({ policy, task }: StageWorkflowInput<'sample'>) => `Responses of ${named(policy)} to the prompts of ${task}`,
  label: ({ task, labeler }: StageWorkflowInput<'label'>) => `Labels by ${labelerName(labeler)} for ${task}`,
  rewardModel: ({ policy }: StageWorkflowInput<'rewardModel'>) => `Reward model from ${named(policy)}`,
  dpo: ({ policy }: StageWorkflowInput<'dpo'>) => `DPO of ${named(policy)}`,
  onlineDpo: ({ policy, task, labeler }: StageWorkflowInput<'onlineDpo'>) =>
    `Online DPO of ${named(policy)} on ${task}, labelled by ${labelerName(labeler)}`,
  rl: ({ policy, task, rewardModel, labeler }: StageWorkflowInput<'rl'>) =>
    `RL of ${named(policy)} on ${task}, ${rewardModel ? 'by a reward model' : `scored by ${labelerName(labeler)}`}`,
  evaluate: ({ policy, task, judge }: StageWorkflowInput<'evaluate'>) =>
    `Evaluation of ${named(policy)} on ${task}, judged by ${labelerName(judge)}`,
  report: ({ title }: StageWorkflowInput<'report'>) => `Report: ${title}`,
}

type Sentences = { [W in WorkflowName]: (input: z.output<(typeof workflowSchemas)[W]>) => string }
const SENTENCES: Sentences = {
  ...stage,
  align: alignSentence,
  compare: compareSentence,
  rounds: roundsSentence,
  sweep: sweepSentence,
  humanEvaluation: humanSentence,
  labelStudy: ({ variants, pairs, task, labeler }) =>
    `Label study on ${task}: ${labelerName(labeler)} asked in ${counted(variants.length, 'way')} ` +
    `about ${counted(pairs, 'pair')}`,
  miniature: ({ size, seeds }: MiniatureInput) =>
    `The paper in miniature, ${size}${seeds ? `, ${seedsText(seeds)}` : ''}`,
  notification: ({ text }) => text,
}

/** What Temporal takes, and what is left of it before " …". */
const [MOST_BYTES, CUT_BYTES] = [200, 196]

/** @param input checked. @returns at most 200 bytes, cut between words */
export function runSummary<W extends WorkflowName>(workflow: W, input: z.output<(typeof workflowSchemas)[W]>): string {
  const sentence = SENTENCES[workflow](input)
  if (cutToBytes(sentence, MOST_BYTES) === sentence) return sentence
  const cut = cutToBytes(sentence, CUT_BYTES)
  return `${cut.slice(0, cut.lastIndexOf(' ')).replace(/,$/, '')} …`
}
