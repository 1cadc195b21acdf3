// `rlaif explain <run>`: what happened, what the result rests on, and what to do next, in sentences.
import type { ExplainOutput, RunOutput, RunState } from '../contracts/command-output'
import { formatDuration } from '../number-format'
import { foundationsOf } from '../report/foundations'
import { stageSentence } from '../report/stage-sentences'
import { parkedLines } from './parked'
import { countText } from './run-list-lines'
import type { RunView } from '../runs/run-view'

export function explained(view: RunView): ExplainOutput {
  const { id, workflow, state } = view.output
  return { id, workflow, state, happened: happened(view), restsOn: restsOn(view), next: nextSteps(view) }
}

/** The same for the terminal. */
export const explainLines = ({ happened, restsOn, next }: ExplainOutput): string[] => [
  'What happened',
  ...happened.map(indented),
  ...(restsOn.length > 0 ? ['', 'What it rests on', ...restsOn.map(indented)] : []),
  '',
  'What to do next',
  ...next.map(indented),
]

const indented = (sentence: string) => `  ${sentence}`

// ---- What happened

const ENDED: Record<RunState, (duration: string) => string> = {
  running: (duration) => `has been running for ${duration}`,
  parked: (duration) => `is parked: it waits for a decision, ${duration} after its start`,
  completed: (duration) => `completed after ${duration}`,
  failed: (duration) => `failed after ${duration}`,
  cancelled: (duration) => `was cancelled after ${duration}`,
  terminated: (duration) => `was terminated after ${duration}`,
  timedOut: (duration) => `timed out after ${duration}`,
}

function happened({ output, answer }: RunView): string[] {
  const { id, workflow, state, seconds, stages, runs, parked, failure } = output
  return [
    `${id}, a run of ${workflow}, ${ENDED[state](formatDuration(seconds))}.`,
    ...stages.filter(({ artifact }) => !answer || !isEvaluation(artifact)).flatMap((stage) => stageText(stage) ?? []),
    ...(runs ? [`It has started runs of its own: ${countText(runs)}.`] : []),
    ...(parked ?? [])
      .filter(({ run }) => run !== id)
      .map(({ run, stage, reason }) => `${run} is parked at ${stage}: ${reason ?? 'no worker answers for the reason'}`),
    ...(failure === undefined ? [] : [`The reason: ${failure}`]),
    ...(answer?.sentences ?? []),
  ]
}

function stageText({ stage, state, seconds, message, artifact }: RunOutput['stages'][number]): string | undefined {
  if (state === 'waiting') return undefined
  if (state === 'running') return `${stage} is running${message === undefined ? '' : `: ${message}`}.`
  if (state === 'parked') return `${stage} has failed for good, and is parked: ${message ?? 'its reason is not known'}`
  if (state === 'skipped' || state === 'failed')
    return `${stage} ${state === 'failed' ? 'failed' : 'was skipped'}${message === undefined ? '.' : `: ${message}.`}`
  const said = artifact && stageSentence(stageOf(artifact.uri), artifact.summary, stage)
  if (said === undefined) return undefined
  const took = state === 'reused' ? 'taken from the store' : seconds === undefined ? undefined : formatDuration(seconds)
  return took === undefined ? said : `${said.replace(/\.$/, '')} (${took}).`
}

/** The answer says what an evaluation found. */
const isEvaluation = (artifact: RunOutput['stages'][number]['artifact']) =>
  artifact !== undefined && stageOf(artifact.uri) === 'evaluate'

/** An artifact's URI ends in its stage and key. */
const stageOf = (uri: string) => uri.split('/').at(-2) ?? ''

// ---- What it rests on

function restsOn({ output: { workflow, stages }, answer }: RunView): string[] {
  const done = stages.flatMap(({ artifact }) =>
    artifact ? [{ stage: stageOf(artifact.uri), summary: artifact.summary }] : [],
  )
  return workflow === 'align' ? foundationsOf(done) : (answer?.cautions ?? [])
}

// ---- What to do next

const AGAIN = 'Fix the cause and start the run again with the same input: what has finished is taken from the store.'

function nextSteps({ output, now, answer }: RunView): string[] {
  const { id, state, stages, parked } = output
  const own = now.stages.find((stage) => stage.state === 'parked')
  if (state === 'parked' && own) return parkedLines(id, own).slice(1)
  if (state === 'running' || state === 'parked')
    return [
      ...(stages.length === 0
        ? ['No worker answers for the run: start one with `rlaif up`, or `rlaif worker` elsewhere.']
        : []),
      ...(parked ?? []).map(({ run }) => `\`rlaif explain ${run}\` says how to continue the parked run.`),
      `\`rlaif status ${id}\` shows its progress.`,
    ]
  return state === 'completed' ? afterCompletion(output, answer) : [AGAIN]
}

function afterCompletion({ id, workflow, runs, report, policy }: RunOutput, answer: RunView['answer']): string[] {
  const { winRateLow, winRateHigh, agreement } = answer?.figures ?? {}
  const isUndecided = Number(winRateLow ?? 1) <= 0.5 && Number(winRateHigh ?? 0) >= 0.5
  return [
    ...(report ? [`\`rlaif report ${id} --open\` opens the report.`] : []),
    ...(isUndecided
      ? ['The win rate is undecided: more held-out prompts (data.evaluationPrompts) narrow its interval.']
      : []),
    ...(workflow === 'align' && agreement === null
      ? ['Give data with pairs that people compared, and the report shows how far to trust the judge.']
      : []),
    ...(runs?.failed
      ? [
          'Failed trials are missing from the result: `rlaif status --all` lists them; starting the run again repeats only them.',
        ]
      : []),
    ...(policy ? [`\`rlaif model export ${id} ./policy\` writes the policy as a model folder.`] : []),
    ...(workflow === 'compare' ? ['People can rate the same responses: docs/human-evaluation.md.'] : []),
    ...(report || policy ? [] : ['Its artifact is the input of a later stage: docs/workflows.md.']),
  ]
}
