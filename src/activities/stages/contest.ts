// Stage `contest`: every policy against every other, and against the references, on the same prompts; each response alone where the task
// asks for a rate; and the judge against people.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { readJsonl, writeJsonl } from '../../json-lines'
import { readJsonFile, type Task } from '../../data/task'
import type { Row } from '../../data/row'
import { measureAlignment } from '../../evaluation/alignment'
import type { Bout, Prompted } from '../../evaluation/comparison'
import { judgeContests } from '../../evaluation/win-rate'
import { stripTrailingJunk } from '../../feedback/direct-score'
import { isUnanswered, type Labeler } from '../../feedback/labeler'
import { judgeAlone } from '../../feedback/verdict'
import { openLabeler } from '../labeler'
import { readResponses } from './respond'
import { readData } from '../rows'
import { measured, type Stage, type StageHost } from '../stage'

/** What people wrote, as one more to compare with. */
export const REFERENCE = 'reference'

const probability = z.number().min(0).max(1)
const promptedSchema = z.object({
  id: z.string(),
  context: z.string(),
  responses: z.record(z.string(), z.string()),
  good: z.record(z.string(), probability).optional(),
})
const boutSchema = z.object({
  id: z.string(),
  first: z.string(),
  second: z.string(),
  preferFirst: probability.optional(),
  failed: z.string().optional(),
})
const share = z.object({
  value: z
    .number()
    .nullable()
    .transform((value) => value ?? NaN),
  low: z.number(),
  high: z.number(),
  n: z.number(),
})
const resultSchema = z.object({
  task: z.string(),
  judge: z.string(),
  alignment: z.object({ agreement: share, sameSlot: share, ties: z.number(), failed: z.number() }).optional(),
})

export interface ContestArtifact extends z.infer<typeof resultSchema> {
  prompts: Prompted[]
  bouts: Bout[]
}

export function readContest(folder: string): ContestArtifact {
  const bouts = readJsonl(join(folder, 'bouts.jsonl'), boutSchema) as Bout[]
  return {
    ...resultSchema.parse(readJsonFile(join(folder, 'result.json'))),
    prompts: readJsonl(join(folder, 'prompts.jsonl'), promptedSchema) as Prompted[],
    bouts,
  }
}

export const contest: Stage<'contest'> = {
  async run(input, host) {
    const { task, train, evaluation } = readData(await host.open(input.data))
    const prompts = await gather(evaluation, input, host)
    const { labeler: judge, technique, spent } = await openLabeler(input.judge, host)
    const names = namesOf(prompts)
    const pairs = names.flatMap((first, i) => names.slice(i + 1).map((second) => ({ first, second })))
    const report = measured(host, 'judging', pairs.length * prompts.length, 'pairs')
    const bouts: Bout[] = []
    for (const [i, { first, second }] of pairs.entries()) {
      const both = prompts.filter(({ responses }) => responses[first] !== undefined && responses[second] !== undefined)
      const contests = both.map(({ id, context, responses }) => ({
        id,
        context,
        policy: responses[first]!,
        baseline: responses[second]!,
      }))
      const judged = await judgeContests(judge, contests, {
        task,
        technique,
        seed: input.seed,
        onProgress: (done) => report(i * prompts.length + done),
      })
      bouts.push(
        ...judged.map(({ id, preferPolicy, failed }) => ({
          id,
          first,
          second,
          ...(failed === undefined ? { preferFirst: preferPolicy! } : { failed }),
        })),
      )
    }
    await rateAlone(judge, task, prompts, names, host)
    const alignment = await measureAlignment(judge, [...evaluation, ...train], input.agreementPairs, {
      task,
      technique,
      seed: input.seed,
      onProgress: measured(host, 'comparing with people', input.agreementPairs, 'pairs'),
    })
    writeJsonl(join(host.output, 'prompts.jsonl'), prompts)
    writeJsonl(join(host.output, 'bouts.jsonl'), bouts)
    writeFileSync(
      join(host.output, 'result.json'),
      JSON.stringify({ task: task.name, judge: judge.name, alignment }, null, 2),
    )
    return {
      task: task.name,
      judge: judge.name,
      policies: names.join(', '),
      prompts: prompts.length,
      bouts: bouts.length,
      failed: bouts.filter(({ failed }) => failed !== undefined).length,
      agreement: alignment?.agreement.value ?? null,
      sameSlot: alignment?.sameSlot.value ?? null,
      ...spent(),
    }
  },
}

/** What is compared: trailing junk is stripped once, here. */
async function gather(rows: readonly Row[], { arms }: StageInput<'contest'>, host: StageHost): Promise<Prompted[]> {
  const byArm = await Promise.all(
    arms.map(async ({ name, responses }) => ({
      name,
      byId: new Map(readResponses(await host.open(responses)).map(({ id, text }) => [id, text])),
    })),
  )
  const prompts = rows.map(({ id, context, reference }): Prompted => {
    const written = byArm.flatMap(({ name, byId }) => (byId.has(id) ? [[name, stripTrailingJunk(byId.get(id)!)]] : []))
    return {
      id,
      context,
      responses: Object.fromEntries([
        ...written,
        ...(reference === undefined ? [] : [[REFERENCE, stripTrailingJunk(reference)]]),
      ]) as Record<string, string>,
    }
  })
  if (prompts.every(({ responses }) => Object.keys(responses).length < 2))
    throw new InvalidInput(
      'contest: no prompt of the data has responses of two policies; they must come from the same data artifact',
    )
  return prompts
}

const namesOf = (prompts: readonly Prompted[]) => [
  ...new Set(prompts.flatMap(({ responses }) => Object.keys(responses))),
]

/** Adds the probability that each response is good by itself. */
async function rateAlone(
  judge: Labeler,
  { verdict }: Task,
  prompts: Prompted[],
  names: readonly string[],
  host: StageHost,
): Promise<void> {
  if (!verdict) return
  const rated = prompts.flatMap((prompt) =>
    names
      .filter((name) => prompt.responses[name] !== undefined)
      .map((name) => ({ prompt, name, context: prompt.context, response: prompt.responses[name]! })),
  )
  const answers = await judgeAlone(
    judge,
    verdict,
    rated,
    measured(host, 'judging responses alone', rated.length, 'responses'),
  )
  rated.forEach(({ prompt, name }, i) => {
    const answer = answers[i]!
    if (!isUnanswered(answer)) prompt.good = { ...prompt.good, [name]: answer }
  })
}
