// Who watches a training: a second judge of the responses to the validation prompts, and what it is asked.
import type { WatchInput } from '../contracts/stages'
import { InvalidInput } from '../contracts/parse'
import type { Row } from '../data/row'
import type { Task } from '../data/task'
import { stripTrailingJunk } from '../feedback/direct-score'
import { saysOutage, unansweredError } from '../feedback/endpoint-errors'
import { isUnanswered, type Unanswered, type WatchRole } from '../feedback/labeler'
import { liveScores } from '../feedback/live-score'
import { judgePairs } from '../feedback/preference'
import type { LoadedModel } from '../model/loaded'
import type { Response } from '../training/rollout'
import type { Watch } from '../training/validation'
import { askedDespiteOutage } from './despite-outage'
import { openLabeler, type InMemory, type OpenedLabeler } from './labeler'
import type { StageHost } from './stage'

export interface OpenedWatch extends Pick<OpenedLabeler, 'spent'> {
  action: WatchInput['action']
  /** Name of who watches. */
  name: string
  /** Where a run's input has it. */
  field: string
  see: Watch['see']
}

export interface WatchedTraining {
  task: Task
  loaded: LoadedModel
  /** The policy before training, for a watch that is the same model. */
  inMemory: InMemory
  /** The validation prompts. */
  held: readonly Row[]
  seed: number
  role: WatchRole
}

/** With fewer answers than this share of the responses, the watch is blind. */
const LEAST_ANSWERED = 0.5
/** Prompts that a test needs. */
const LEAST_PROMPTS = 2

/** Undefined where nobody watches. */
export async function openWatch(
  input: WatchInput | undefined,
  training: WatchedTraining,
  host: StageHost,
): Promise<OpenedWatch | undefined> {
  if (!input) return undefined
  const { held, role, inMemory } = training
  if (held.length < LEAST_PROMPTS)
    throw new InvalidInput(
      `${role}: ${held.length} of the prompts are for validation, too few to watch; raise ` +
        `${role.replace('watch.labeler', 'validationPrompts')}, or give more data: at most a quarter of it is for ` +
        'validation',
    )
  const opened = await openLabeler(input, host, role, inMemory)
  const look = input.ask === 'pairs' ? preferences(opened, training) : scores(opened, training)
  const { name } = opened.labeler
  return {
    action: input.action,
    name,
    field: role.replace('.labeler', ''),
    spent: opened.spent,
    see: async (responses, onSeen) =>
      answersOf(await askedDespiteOutage(() => look(responses, onSeen), name, host), name, role),
  }
}

type Look = (responses: readonly Response[], onSeen?: (done: number) => void) => Promise<(number | Unanswered)[]>

const textOf = ({ loaded }: WatchedTraining, { ids }: Response): string => loaded.tokenizer.decode(ids).trim()

function scores({ labeler, technique }: OpenedLabeler, training: WatchedTraining): Look {
  const { task, held } = training
  return async (responses, onProgress) => {
    const shown = responses.map((response) => ({
      context: held[response.prompt]!.context,
      response: stripTrailingJunk(textOf(training, response)),
    }))
    const given = await liveScores(labeler, shown, { task, technique, onProgress })
    return given.map((score) => (isUnanswered(score) ? score : score.reward))
  }
}

/** Two responses of which neither is better. */
const EQUAL = 0.5

/** How likely each response is better than the first one that was seen for its prompt: that of the SFT model. */
function preferences({ labeler, technique }: OpenedLabeler, training: WatchedTraining): Look {
  const { task, held, seed } = training
  const first = new Map<number, string>()
  return async (responses, onProgress) => {
    const texts = responses.map((response) => textOf(training, response))
    for (const [i, { prompt }] of responses.entries()) if (!first.has(prompt)) first.set(prompt, texts[i]!)
    const asked = responses.flatMap(({ prompt }, i) => {
      const pair = { context: held[prompt]!.context, first: texts[i]!, second: first.get(prompt)! }
      return pair.first === pair.second ? [] : [{ i, pair }]
    })
    const values = texts.map((): number | Unanswered => EQUAL)
    if (asked.length === 0) return values
    const pairs = asked.map(({ pair }) => pair)
    const labels = await judgePairs(labeler, pairs, { task, technique, seed, onProgress })
    labels.forEach((label, at) => {
      values[asked[at]!.i] = !isUnanswered(label) ? label.preferFirst : label.tied ? EQUAL : label
    })
    return values
  }
}

/**
 * Null for a response that got no answer: the test leaves its prompt out.
 * @throws where that is an outage, which may end, or where most got none
 */
function answersOf(answers: readonly (number | Unanswered)[], name: string, role: WatchRole): (number | null)[] {
  const missing = answers.filter(isUnanswered)
  const outage = missing.find(({ failed }) => saysOutage(failed))
  const answered = answers.length - missing.length
  if (outage || answered < LEAST_ANSWERED * answers.length)
    throw unansweredError(
      `${role}: ${name} answered about ${answered} of ${answers.length} responses: ${(outage ?? missing[0]!).failed}`,
      outage !== undefined,
    )
  return answers.map((answer) => (isUnanswered(answer) ? null : answer))
}
