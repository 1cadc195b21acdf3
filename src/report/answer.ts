// What a run found, for the end of a command and for programs: sentences, cautions, a table, and the figures by name.
// The numbers are those of the report.
import type { Summary } from '../contracts/artifact'
import { isRecord } from '../contracts/overlay'
import { tableAnswer, type Answer } from './answer-tables'
import { contestCautions } from './judge-cautions'
import { distinctCautions } from './stage-cautions'
import { stageSentence, verdictSentence, winRateSentence } from './stage-sentences'

/** A stage of the run and the figures of its artifact. */
export interface RanStage {
  stage: string
  summary: Summary
}

export interface RunResult {
  workflow: string
  /** What the workflow returned. */
  result: unknown
  /** Reads a JSON file next to the run's report; undefined where there is none, or it cannot be reached from here. */
  file(name: string): unknown
}

/** @returns undefined for a workflow that finds nothing out, such as `notification` */
export function answerOf({ workflow, result, file }: RunResult): Answer | undefined {
  if (!isRecord(result)) return undefined
  if (isRecord(result.summary)) return stageAnswer(workflow, result.summary as Summary)
  const summary = summaryIn(result.report)
  const found = tableAnswer(workflow, file, summary)
  if (found) return found
  return isRecord(result.stages) ? alignAnswer(String(result.method), result.stages) : reportAnswer(summary)
}

const summaryIn = (artifact: unknown): Summary =>
  isRecord(artifact) && isRecord(artifact.summary) ? (artifact.summary as Summary) : {}

const plain = (sentences: (string | undefined)[], figures: Summary): Answer => ({
  sentences: sentences.filter((sentence) => sentence !== undefined),
  cautions: [],
  figures,
  columns: [],
  rows: [],
})

/** The stage of each workflow that is a stage alone and has another name. */
const STAGES: Record<string, string> = { rewardModel: 'reward-model', onlineDpo: 'online-dpo' }

function stageAnswer(workflow: string, figures: Summary): Answer {
  const stage = STAGES[workflow] ?? workflow
  const answer = plain([stageSentence(stage, figures), verdictSentence(figures, 'its baseline')], figures)
  const cautions = distinctCautions([{ stage, summary: figures }])
  return { ...answer, cautions: [...(stage === 'evaluate' ? contestCaution(figures) : []), ...cautions] }
}

/** The stages of an alignment whose figures answer what it was for, the last of them first. */
const ANSWERING = ['evaluate', 'rl', 'online-dpo', 'dpo', 'reward-model', 'label', 'sft', 'data']

function alignAnswer(method: string, artifacts: Record<string, unknown>): Answer {
  const stages: RanStage[] = Object.entries(artifacts).map(([stage, artifact]) => ({
    stage,
    summary: summaryIn(artifact),
  }))
  const cautions = distinctCautions(stages)
  const summaryOf = (wanted: string) => stages.find(({ stage }) => stage === wanted)?.summary
  const evaluation = summaryOf('evaluate')
  const baseline = method === 'sft' ? 'the base model' : 'the SFT model'
  if (evaluation)
    return {
      ...plain([winRateSentence(evaluation, baseline), verdictSentence(evaluation, baseline)], evaluation),
      cautions: [...contestCaution(evaluation), ...judgeCaution(evaluation), ...cautions],
    }
  const last = ANSWERING.find((stage) => summaryOf(stage) !== undefined)
  const figures = last === undefined ? {} : summaryOf(last)!
  return { ...plain([last && stageSentence(last, figures)], figures), cautions }
}

/** Where the files of the report cannot be read: what its figures say. */
const reportAnswer = (summary: Summary): Answer =>
  plain([typeof summary.headline === 'string' ? `${summary.headline}.` : undefined], summary)

/** Nothing where there is no win rate, which the sentences say. */
const contestCaution = ({ winRate, contests, equal, failed }: Summary): string[] =>
  typeof winRate === 'number'
    ? contestCautions({ prompts: Number(contests), equal: Number(equal), failed: Number(failed) })
    : []

function judgeCaution({ agreement, agreementLow }: Summary): string[] {
  if (agreement === null || agreement === undefined)
    return ['The data has no pairs that people compared, so nothing shows whether the judge judges as people do.']
  return typeof agreementLow === 'number' && agreementLow <= 0.5
    ? ['The judge is not measurably better than chance at agreeing with people: the win rate says little.']
    : []
}
