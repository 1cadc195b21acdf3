// Stage `revise`: the model's responses to the training prompts, criticized and rewritten by the principles of the task.
// The artifact is like that of stage `data`, with the revisions as references: stage `sft` learns from it.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { StageInput } from '../../contracts/stages'
import { InvalidInput } from '../../contracts/parse'
import type { Row } from '../../data/row'
import { unansweredError, saysOutage } from '../../feedback/endpoint-errors'
import { isUnanswered, type Labeler, type Unanswered } from '../../feedback/labeler'
import { reviseResponses, type Revised } from '../../feedback/revision'
import { readJsonl, writeJsonl } from '../../json-lines'
import { generate } from '../../model/generate'
import { stopIds } from '../../model/ending'
import type { LoadedModel } from '../../model/loaded'
import { loadPolicy } from '../../model/policy'
import { BLOCK_ROWS } from '../../contracts/shard'
import { z } from 'zod'
import { openLabeler } from '../labeler'
import { REVISIONS_FILE, type RevisionRow } from '../revisions'
import { promptIds, readData } from '../rows'
import { readGuidance } from '../task-guidance'
import { progressReporter, samplingNotes, type Stage, type StageHost } from '../stage'

/** A row with its response, and what came of it. */
interface RevisedRow {
  row: Row
  response: string
  revised: Revised | Unanswered
}

export const revise: Stage<'revise'> = {
  async run(input, host) {
    const folder = await host.open(input.data)
    const { train } = readData(folder)
    if (train.length === 0) throw new InvalidInput('revise: the data has no training prompt to respond to')
    const loaded = await loadPolicy(input.policy, host.open, input.settings)
    const inMemory = { artifact: input.policy, model: loaded.model }
    const { labeler, spent } = await openLabeler(input.labeler, host, 'labeler', inMemory)
    const { task, principles } = await readGuidance(input.guidance, host)
    if (!principles)
      throw new InvalidInput(`revise: the task ${task} has no principles; add "principles" to its task.json`)
    const report = progressReporter(host, 'revising', train.length, 'responses')
    const done: RevisedRow[] = []
    for (let from = 0; from < train.length; from += BLOCK_ROWS) {
      const rows = train.slice(from, from + BLOCK_ROWS)
      const responses = await responsesTo({ rows, from }, loaded, input, host)
      const shown = rows.map(({ context }, i) => ({ context, response: responses[i]! }))
      const revised = await reviseResponses(labeler as Labeler, shown, {
        ...input.settings,
        principles,
        temperature: input.settings.writingTemperature,
        seed: input.seed,
        onProgress: (part) => report(from + part),
      })
      rows.forEach((row, i) => done.push({ row, response: responses[i]!, revised: revised[i]! }))
    }
    refuseTooManyFailures(done, input)
    writeRows(done, { folder, output: host.output, principles })
    return { labeler: labeler.name, ...figuresOf(done, input), ...spent() }
  },
}

/** The model's responses to a block of prompts; those of an earlier attempt are read. */
async function responsesTo(
  { rows, from }: { rows: readonly Row[]; from: number },
  loaded: LoadedModel,
  { limits, settings, seed }: StageInput<'revise'>,
  host: StageHost,
): Promise<string[]> {
  const file = join(host.checkpoints, `responses-${from}.jsonl`)
  if (existsSync(file)) return readJsonl(file, z.string())
  host.report({ phase: 'responding', done: from, total: from + rows.length, unit: 'responses' })
  const sampled = await generate(
    loaded.model,
    rows.map((row) => promptIds(loaded, row)),
    {
      ...{ maxTokens: limits.responseTokens, temperature: settings.temperature, stopIds: stopIds(loaded) },
      ...{ blockSize: BLOCK_ROWS, firstRow: from },
      onToken: samplingNotes(host, limits.responseTokens),
    },
    [seed, 'revise'],
  )
  const texts = sampled.map(({ ids }) => loaded.tokenizer.decode(ids).trim())
  mkdirSync(host.checkpoints, { recursive: true })
  writeJsonl(file, texts)
  return texts
}

/** Nothing is lost when this throws: answers are kept, and another attempt asks only for those that failed. */
function refuseTooManyFailures(done: readonly RevisedRow[], { settings }: StageInput<'revise'>): void {
  const reasons = done.flatMap(({ revised }) => (isUnanswered(revised) ? [revised.failed] : []))
  if (reasons.length < done.length && reasons.length / done.length <= settings.maxFailedShare) return
  throw unansweredError(
    `revise: ${reasons.length} of ${done.length} responses got no revision, revise.maxFailedShare allows ` +
      `${settings.maxFailedShare * 100} %: ${[...new Set(reasons)].slice(0, 3).join('; ')}`,
    reasons.some(saysOutage),
  )
}

/** The files of the data with the revisions as references, and what was written. */
function writeRows(
  done: readonly RevisedRow[],
  { folder, output, principles }: { folder: string; output: string; principles: readonly string[] },
): void {
  for (const file of ['task.json', 'evaluation.jsonl']) copyFileSync(join(folder, file), join(output, file))
  const rows = done.map(({ row: { reference: _, ...row }, revised }) =>
    isUnanswered(revised) ? row : { ...row, reference: revised.text },
  )
  writeJsonl(join(output, 'train.jsonl'), rows)
  writeJsonl(
    join(output, REVISIONS_FILE),
    done.map(({ row: { id, context }, response, revised }): RevisionRow => ({
      ...{ id, context, response },
      ...(isUnanswered(revised)
        ? { rounds: [], failed: revised.failed }
        : { rounds: revised.rounds.map((round) => ({ ...round, principle: principles[round.principle]! })) }),
    })),
  )
}

function figuresOf(done: readonly RevisedRow[], { data }: StageInput<'revise'>) {
  const revised = done.flatMap(({ response, revised }) => (isUnanswered(revised) ? [] : [{ response, ...revised }]))
  const changed = revised.filter(({ response, text }) => response !== text)
  return {
    train: done.length,
    evaluation: data.summary.evaluation ?? null,
    references: revised.length,
    failed: done.length - revised.length,
    cutRevisions: revised.filter(({ cut }) => cut).length,
    changedShare: changed.length / revised.length,
  }
}
