// Stage `judge`: one labelling technique, on the pairs of the data that people decided.
import { join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import { writeJsonl } from '../../json-lines'
import { decidedPairs } from '../../data/row'
import { variantResult, type Judgement } from '../../evaluation/label-study'
import { saysOutage, unansweredError } from '../../feedback/endpoint-errors'
import { isUnanswered } from '../../feedback/labeler'
import { judgePairs } from '../../feedback/preference'
import { shareFigure, shareFigures } from '../figures'
import { openLabeler } from '../labeler'
import { readData } from '../rows'
import { progressReporter, type Stage } from '../stage'
import { counted } from '../../number-format'

export const judge: Stage<'judge'> = {
  async run(input, host) {
    const { task, train, evaluation } = readData(await host.open(input.data))
    const decided = decidedPairs([...evaluation, ...train])
      .slice(0, input.pairs)
      .map(({ responses: [first, second], ...pair }) => ({ ...pair, first, second }))
    if (decided.length === 0)
      throw new InvalidInput(
        'judge: no row of the data has two responses of which people preferred one; ' +
          'use HH-RLHF, PandaLM, or rows with "responses" and "preferred"',
      )
    const { labeler, technique, spent } = await openLabeler(input.labeler, host)
    const preferences = await judgePairs(labeler, decided, {
      task,
      technique,
      seed: input.seed,
      onProgress: progressReporter(host, 'labelling', decided.length, 'pairs'),
    })
    const judgements = decided.map(({ id, preferred }, i): Judgement => ({ id, preferred, ...preferences[i]! }))
    writeJsonl(join(host.output, 'judgements.jsonl'), judgements)
    if (preferences.every(isUnanswered))
      throw unansweredError(
        `judge: ${labeler.name} answered none of ${counted(decided.length, 'pair')}: ${preferences[0]!.failed}`,
        preferences.some(({ failed }) => saysOutage(failed)),
      )
    const { agreement, sameSlot, failed, tooLong } = variantResult('', judgements)
    return {
      task: task.name,
      labeler: labeler.name,
      pairs: decided.length,
      ...shareFigures('agreement', agreement),
      sameSlot: shareFigure(sameSlot),
      failed,
      tooLong,
      ...spent(),
    }
  },
}
