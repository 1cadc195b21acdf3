// The labels of stage `online-dpo`, asked for while the policy trains.
import type { Summary } from '../contracts/artifact'
import type { StageInput } from '../contracts/stages'
import type { Row } from '../data/row'
import type { Task } from '../data/task'
import { saysOutage, unansweredError } from '../feedback/endpoint-errors'
import { isUnanswered, type Unanswered } from '../feedback/labeler'
import { choseSameSlot, judgePairs } from '../feedback/preference'
import type { PreferenceLabel } from '../feedback/preference-label'
import type { LoadedModel } from '../model/loaded'
import type { LiveLabel, LiveLabels, LivePair } from '../training/online-dpo'
import { askedDespiteOutage } from './despite-outage'
import { openLabeler, type OpenedLabeler } from './labeler'
import type { StageHost } from './stage'

export interface OpenedLiveLabels {
  /** Compares responses to these rows of the data. */
  labelsFor(rows: readonly Row[]): LiveLabels
  /** Name of the labeler. */
  labeler: string
  /** Who is asked. */
  jurors: OpenedLabeler['jurors']
  /** What asking has cost so far, for the stage's figures. */
  spent(): Summary
}

/** Two responses that are the same text: neither is better, and nobody is asked. */
const EQUAL: LiveLabel = { preferFirst: 0.5 }

export async function openLiveLabels(
  input: StageInput<'online-dpo'>,
  task: Task,
  { tokenizer, model }: LoadedModel,
  host: StageHost,
): Promise<OpenedLiveLabels> {
  const inMemory = { artifact: input.policy, model }
  const { labeler, technique, jurors, spent } = await openLabeler(input.labeler, host, 'labeler', inMemory)
  const textOf = (ids: readonly number[]) => tokenizer.decode(ids).trim()
  const labelsFor = (rows: readonly Row[]): LiveLabels => ({
    async label(pairs, onLabelled) {
      const texts = pairs.map(({ prompt, first, second }: LivePair) => ({
        context: rows[prompt]!.context,
        first: textOf(first),
        second: textOf(second),
      }))
      const asked = texts.filter(({ first, second }) => first !== second)
      const options = { task, technique, seed: input.seed, onProgress: onLabelled }
      const ask = () => (asked.length > 0 ? judgePairs(labeler, asked, options) : Promise.resolve([]))
      const answers = await askedDespiteOutage(ask, labeler.name, host)
      const labels = answers.map((answer) => labelOf(answer, labeler.name))
      return texts.map(({ first, second }) => (first === second ? EQUAL : labels.shift()))
    },
  })
  return { labelsFor, labeler: labeler.name, jurors, spent }
}

/**
 * Undefined where no answer could decide.
 * @throws where one was not given: a made-up label would be noise to the policy
 */
function labelOf(answer: PreferenceLabel | Unanswered, name: string): LiveLabel | undefined {
  if (!isUnanswered(answer)) return { preferFirst: answer.preferFirst, sameSlot: choseSameSlot(answer) }
  if (answer.tooLong || answer.tied) return undefined
  throw unansweredError(`online-dpo: ${name} gave no label: ${answer.failed}`, saysOutage(answer.failed))
}
