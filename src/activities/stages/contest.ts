// Stage `contest`: every policy against every other, and against the references, on the same prompts; each response
// alone if the task has a verdict; and the judge against people.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { writeJsonl } from '../../json-lines'
import type { Task } from '../../data/task'
import type { Row } from '../../data/row'
import { measureAlignment } from '../../evaluation/alignment'
import type { Bout, Prompted } from '../../evaluation/comparison'
import { judgeContests } from '../../evaluation/win-rate'
import { stripTrailingJunk } from '../../feedback/direct-score'
import type { Asked } from '../../feedback/jury'
import { isUnanswered } from '../../feedback/labeler'
import { judgeAlone } from '../../feedback/verdict'
import { alignmentFigures } from '../figures'
import { openLabeler } from '../labeler'
import { promptDigest } from '../prompt-digest'
import { readResponses } from '../responses'
import { BOUTS_FILE, PROMPTS_FILE, RESULT_FILE } from '../result-files'
import { readData } from '../rows'
import { progressReporter, type Stage, type StageHost } from '../stage'

/** The name of the responses that people wrote, which are compared like a policy's. */
const REFERENCE = 'reference'

export const contest: Stage<'contest'> = {
  async run(input, host) {
    const { task, train, evaluation } = readData(await host.open(input.data))
    const prompts = await gatherResponses(evaluation, input, host)
    const { labeler: judge, technique, spent } = await openLabeler(input.judge, host, 'judge')
    const names = namesOf(prompts)
    const pairs = names.flatMap((first, i) => names.slice(i + 1).map((second) => ({ first, second })))
    const report = progressReporter(host, 'judging', pairs.length * prompts.length, 'pairs')
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
      for (const { id, preferPolicy, failed, disagreement } of judged)
        bouts.push({
          ...{ id, first, second },
          ...(failed === undefined ? { preferFirst: preferPolicy! } : { failed }),
          ...(disagreement !== undefined && { disagreement }),
        })
    }
    const failedVerdicts = task.verdict && (await rateAlone(judge, task.verdict, prompts, host))
    const alignment = await measureAlignment(judge, [...evaluation, ...train], input.agreementPairs, {
      task,
      technique,
      seed: input.seed,
      onProgress: progressReporter(host, 'comparing with people', input.agreementPairs, 'pairs'),
    })
    writeJsonl(join(host.output, PROMPTS_FILE), prompts)
    writeJsonl(join(host.output, BOUTS_FILE), bouts)
    writeFileSync(
      join(host.output, RESULT_FILE),
      JSON.stringify({ task: task.name, judge: judge.name, alignment }, null, 2),
    )
    return {
      task: task.name,
      judge: judge.name,
      policies: names.join(', '),
      prompts: prompts.length,
      bouts: bouts.length,
      failed: bouts.filter(({ failed }) => failed !== undefined).length,
      ...(failedVerdicts !== undefined && { failedVerdicts }),
      ...alignmentFigures(alignment),
      ...spent(),
    }
  },
}

/** The prompts with every arm's response; trailing junk is stripped here, once. */
async function gatherResponses(
  rows: readonly Row[],
  { arms }: StageInput<'contest'>,
  host: StageHost,
): Promise<Prompted[]> {
  const byArm = await Promise.all(
    arms.map(async ({ name, responses }) => ({
      name,
      byPrompt: new Map(
        readResponses(await host.open(responses)).map(({ id, prompt, text }) => [`${prompt} ${id}`, text]),
      ),
    })),
  )
  const prompts = rows.map((row): Prompted => {
    const { id, context, reference } = row
    const written = byArm.flatMap(({ name, byPrompt }) => {
      const text = byPrompt.get(`${promptDigest(row)} ${id}`)
      return text === undefined ? [] : [[name, stripTrailingJunk(text)]]
    })
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

/** Adds the probability that each response is good by itself. @returns number of responses without an answer */
async function rateAlone(
  judge: Asked,
  verdict: NonNullable<Task['verdict']>,
  prompts: Prompted[],
  host: StageHost,
): Promise<number> {
  const names = namesOf(prompts)
  const rated = prompts.flatMap((prompt) =>
    names
      .filter((name) => prompt.responses[name] !== undefined)
      .map((name) => ({ prompt, name, context: prompt.context, response: prompt.responses[name]! })),
  )
  const answers = await judgeAlone(
    judge,
    verdict,
    rated,
    progressReporter(host, 'judging responses alone', rated.length, 'responses'),
  )
  rated.forEach(({ prompt, name }, i) => {
    const answer = answers[i]!
    if (!isUnanswered(answer)) prompt.good = { ...prompt.good, [name]: answer }
  })
  return answers.filter(isUnanswered).length
}
