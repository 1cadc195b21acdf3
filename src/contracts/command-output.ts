// What `rlaif … --json` prints: one JSON object, by command. docs/scripting.md is made from these schemas, and each
// command's output is tested against its own.
import { z } from 'zod'
import { artifactSchema } from './artifact'
import { EXIT_CODES, type ExitReason } from './exit-codes'

const text = (meaning: string) => z.string().describe(meaning)
const count = (meaning: string) => z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).describe(meaning)
/** A time in UTC. */
const timeOf = (what: string) => z.string().describe(`${what}, in UTC, e.g. "2026-11-26T02:30:00.000Z".`)
const value = z.union([z.string(), z.number(), z.boolean(), z.null()])

/** How a run stands, and the exit code of a command that shows it. */
export const RUN_STATES = {
  running: 'done',
  parked: 'parked',
  completed: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  terminated: 'failed',
  timedOut: 'failed',
} as const satisfies Record<string, ExitReason>
export type RunState = keyof typeof RUN_STATES

export const exitCodeOf = (state: RunState): number => EXIT_CODES[RUN_STATES[state]].code

const stateSchema = z
  .enum(Object.keys(RUN_STATES) as [RunState, ...RunState[]])
  .describe(
    'How the run stands. A parked run is open, and waits for `rlaif resolve`: of itself, or of the runs in `parked`.',
  )
const runId = z.string().describe('Workflow ID of the run.')
const workflow = z.string().describe('The workflow, e.g. "align".')

const parkedSchema = z.strictObject({
  run: z.string().describe('Workflow ID of the run that is parked: this one, or one that it started.'),
  stage: z.string().describe('The stage that has failed permanently.'),
  reason: z.string().optional().describe('Why; missing where no worker answers for the run.'),
})
export type ParkedOutput = z.infer<typeof parkedSchema>

const stageSchema = z.strictObject({
  stage: z.string().describe("The run's name for the stage."),
  state: z.enum(['waiting', 'running', 'done', 'reused', 'skipped', 'parked', 'failed']).describe('How it stands.'),
  seconds: z.number().optional().describe('Time it took.'),
  message: z.string().optional().describe('What it shows, or why it is parked or skipped.'),
  artifact: artifactSchema.optional(),
})

export const answerSchema = z.strictObject({
  sentences: z.array(z.string()).describe('What was found, in sentences.'),
  cautions: z.array(z.string()).describe('What weakens it, in sentences.'),
  figures: z
    .record(z.string(), value)
    .describe('Figures of the evaluation or of the report by name; shares from 0 to 1.'),
  rows: z
    .array(z.record(z.string(), z.union([z.string(), z.number(), z.null()])))
    .describe('The table of the result; null where a figure has no value. Empty for runs without a table.'),
})

const fileSchema = z.strictObject({
  uri: z.string().describe('URI of the artifact.'),
  path: z.string().optional().describe('Its path on this machine, if it is in a folder.'),
})

/** Runs that a sweep, a comparison or a miniature study has started. */
const startedSchema = z
  .partialRecord(stateSchema, z.number().int())
  .describe('Number of the runs that this one has started (trials, arms, parts), by state.')

const whichAndWhen = {
  id: runId,
  workflow,
  state: stateSchema,
  started: timeOf('When it started'),
  ended: timeOf('When it ended').optional(),
  seconds: z.number().describe('Time since the start, or until the end.'),
}

export const runOutput = z.strictObject({
  ...whichAndWhen,
  page: z.string().optional().describe("The run's page in Temporal's UI, if it is known where that is."),
  stages: z.array(stageSchema).describe('Empty while no worker answers for the run.'),
  warnings: z.array(z.string()).optional().describe('What a person should know of the run, if there is something.'),
  runs: startedSchema.optional(),
  parked: z.array(parkedSchema).optional().describe('What waits for `rlaif resolve`.'),
  failure: z.string().optional().describe('Why the run has failed or was terminated.'),
  answer: answerSchema.optional().describe('What a completed run has found.'),
  report: fileSchema.optional().describe('Its report.'),
  policy: fileSchema.optional().describe('The policy that it trained.'),
  artifact: fileSchema.optional().describe('The artifact of a run of a single stage.'),
})
export type RunOutput = z.infer<typeof runOutput>

export const runListOutput = z.strictObject({
  runs: z
    .array(
      z.strictObject({
        ...whichAndWhen,
        startedBy: z.string().optional().describe('Workflow ID of the run that started it, with --parked.'),
        runs: startedSchema.optional(),
        parked: z.array(parkedSchema).optional().describe('What waits for `rlaif resolve`.'),
      }),
    )
    .describe('The latest runs, newest first.'),
  more: count('Number of further runs that match and are not listed.'),
})
export type RunListOutput = z.infer<typeof runListOutput>

const reportOutput = z.strictObject({
  id: runId,
  path: text('Path of the report on this machine.'),
  uri: text('URI of its artifact.'),
})

export const explainOutput = z.strictObject({
  id: runId,
  workflow,
  state: stateSchema,
  happened: z.array(z.string()).describe('What happened, in sentences.'),
  restsOn: z.array(z.string()).describe('What the result rests on, and what weakens it.'),
  next: z.array(z.string()).describe('What to do next.'),
})
export type ExplainOutput = z.infer<typeof explainOutput>

const resolveOutput = z.strictObject({ id: runId, answer: text("The run's answer.") })

const trialsOutput = z.strictObject({
  workflow: text('The workflow that each trial runs.'),
  metric: text('The main figure.'),
  maxConcurrent: count('Number of trials at a time.'),
  trials: z
    .array(
      z.strictObject({
        trial: count('Its number.'),
        settings: z.record(z.string(), z.string()).describe('The swept fields, and their values in it.'),
        seed: count('Its seed.'),
      }),
    )
    .describe('The trials that would run.'),
})
export type TrialsOutput = z.infer<typeof trialsOutput>

const doctorOutput = z.strictObject({
  ok: z.boolean().describe('Whether every finding is good.'),
  findings: z
    .array(
      z.strictObject({
        what: text('What was looked at.'),
        ok: z.boolean().describe('Whether it is as it should be.'),
        message: text('What was found, and the remedy.'),
      }),
    )
    .describe('What was found, as the lines of the command.'),
})

// ---- Schedules

const scheduleFields = {
  id: text('ID of the schedule.'),
  workflow: text('The workflow that it runs.'),
  state: z.enum(['active', 'paused']).describe('Whether it starts runs.'),
  note: text('What is noted about it.').optional(),
}

const scheduleListOutput = z.strictObject({
  schedules: z
    .array(
      z.strictObject({
        ...scheduleFields,
        next: timeOf('When it starts its next run').optional(),
        lastRun: text('Workflow ID of its latest run.').optional(),
      }),
    )
    .describe('All schedules.'),
})
export type ScheduleListOutput = z.infer<typeof scheduleListOutput>

const scheduleOutput = z.strictObject({
  ...scheduleFields,
  next: z.array(z.string()).describe('When it starts its next runs, in UTC; none while it is paused.'),
  timeZone: text('Time zone of its times.'),
  jitterMinutes: z.number().describe('A run starts up to so many minutes later.'),
  overlap: text('What happens to a run while an earlier one is in progress.'),
  catchUpHours: z.number().describe('For how long a run that was missed is caught up.'),
  started: count('Number of runs that it has started,'),
  skipped: count('skipped since an earlier one was in progress,'),
  missed: count('and missed while the server was down.'),
  running: z.array(z.string()).describe('Workflow IDs of its runs in progress.'),
  latest: z
    .array(z.strictObject({ run: text('Workflow ID of the run,'), at: timeOf('and when it was started') }))
    .describe('Its latest runs.'),
  input: z.unknown().describe('The input of its runs.'),
})
export type ScheduleOutput = z.infer<typeof scheduleOutput>

const scheduleApplyOutput = z.strictObject({
  schedules: z
    .array(
      z.strictObject({
        id: scheduleFields.id,
        change: z.enum(['created', 'updated', 'unchanged']).describe('What was done, or with --dry-run would be.'),
      }),
    )
    .describe('The declared schedules.'),
})

// ---- Data, labelers, artifacts

const dataShowOutput = z.strictObject({
  format: text('The format of the file.'),
  read: count('Number of rows that were read,'),
  used: count('of prompts that a run would use,'),
  evaluation: count('and of these, held out for the evaluation.'),
  notRead: z.array(z.string()).describe('Fields that are not read.'),
  rows: z
    .array(
      z.looseObject({
        where: text('Its place in the file.'),
        id: text('ID of the prompt.'),
        context: text('What labelers are shown.'),
        policyPrompt: text('What the policy gets.'),
        policyPromptTokens: z
          .union([z.number().int(), z.strictObject({ refused: text('Why.') })])
          .describe('Its length, or why the chat template refuses it.'),
      }),
    )
    .describe('The first rows as a run reads them; with `messages`, and `reference` and `pairs` where they have some.'),
  leftOut: z
    .array(
      z.strictObject({
        reason: text('Why rows are left out.'),
        rows: count('How many.'),
        first: z
          .strictObject({ where: text('Its place in the file.'), row: text('Its text.') })
          .describe('The first of them.'),
      }),
    )
    .describe('What is left out, by reason.'),
})

const labelerCheckOutput = z.strictObject({
  usable: z.boolean().describe('Whether the endpoint labels pairs.'),
  findings: z
    .array(
      z.strictObject({
        asked: text('What was asked.'),
        said: text('What came of it.'),
        ok: z.boolean().describe('Whether it was answered.'),
      }),
    )
    .describe('The questions.'),
  changed: z.array(z.string()).describe('Settings that had to change,'),
  because: z.array(z.string()).describe("and why, in the endpoint's words."),
  requests: count('Number of requests that it took,'),
  promptTokens: z.number().describe('of tokens that were sent,'),
  completionTokens: z.number().describe('and of tokens that were written.'),
  cost: z.number().optional().describe('What the questions cost, if the labeler has a price.'),
  labeler: z.record(z.string(), z.unknown()).optional().describe('The settings to use.'),
})
export type LabelerCheckOutput = z.infer<typeof labelerCheckOutput>

const garbageOutput = z.strictObject({
  removed: z.boolean().describe('Whether they were removed, with --yes, or only listed.'),
  artifacts: z
    .array(
      z.strictObject({ uri: text('Its URI.'), bytes: z.number().describe('Its size.'), why: text('Why it may go.') }),
    )
    .describe('What may be removed.'),
  bytes: z.number().describe('Its size in all.'),
  openRuns: count('Number of open runs; what they use is kept. Missing with --no-runs.').optional(),
  pinned: count('Number of artifacts that are kept by a pin.'),
})
export type GarbageOutput = z.infer<typeof garbageOutput>

const exportLabelsOutput = z.strictObject({
  file: z.string().describe('Path of the file that was written.'),
  format: z.enum(['trl', 'jsonl', 'parquet']).describe('Its format.'),
  from: z.string().describe('URI of the artifact with the labels.'),
  labels: count('Number of rows in the file.'),
  undecided: count('Number of labels that prefer neither response and are left out.'),
})
export type ExportLabelsOutput = z.infer<typeof exportLabelsOutput>

const pushOutput = z.strictObject({
  repository: text('owner/name of the repository.'),
  type: z.enum(['model', 'dataset']).describe('Its kind.'),
  part: z.enum(['policy', 'adapter', 'reward-model', 'labels']).describe('What of the run it gets.'),
  from: text('URI of the artifact.'),
  state: z
    .enum(['listed', 'pushed', 'unchanged'])
    .describe('Whether files were uploaded, with --yes, or only listed; "unchanged": the repository had them all.'),
  private: z.boolean().describe('Whether the repository is, or will be, private.'),
  commit: text('Address of the commit.').optional(),
  base: text('owner/name of the model that training started from, if the Hub has it.').optional(),
  licence: text('The licence that the card states.').optional(),
  files: z
    .array(
      z.strictObject({
        path: text('Path in the repository.'),
        bytes: count('Its size.'),
        state: z.enum(['new', 'changed', 'unchanged']).describe('What the upload does to it.'),
      }),
    )
    .describe('The files.'),
  bytes: count('Size in all of those that are new or changed.'),
})
export type PushOutput = z.infer<typeof pushOutput>

const pinsOutput = z.strictObject({ pins: z.array(z.string()).describe('URIs of what is pinned.') })

/** By command: what it prints with --json. */
export const commandOutputs = {
  run: runOutput,
  sweep: runOutput,
  'sweep --dry-run': trialsOutput,
  status: z.union([runListOutput, runOutput]),
  report: reportOutput,
  explain: explainOutput,
  resolve: resolveOutput,
  doctor: doctorOutput,
  'schedule list': scheduleListOutput,
  'schedule describe': scheduleOutput,
  'schedule apply': scheduleApplyOutput,
  'data show': dataShowOutput,
  'labeler check': labelerCheckOutput,
  'artifacts gc': garbageOutput,
  'export labels': exportLabelsOutput,
  push: pushOutput,
  'artifacts pins': pinsOutput,
} as const satisfies Record<string, z.ZodType>
export type CommandWithOutput = keyof typeof commandOutputs
