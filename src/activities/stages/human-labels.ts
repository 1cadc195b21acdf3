// Stage `human-labels`: what people preferred, in the form of labels, so that a reward model is trained on it as on a
// labeler's.
import { join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import { writeJsonl } from '../../json-lines'
import { readAnyConfig } from '../../model/folder'
import { policyFolders } from '../../model/policy'
import { loadTokenizer } from '../../model/tokenizer'
import { labelledByPeople } from '../human-pairs'
import { readData } from '../rows'
import type { Stage } from '../stage'
import { writeVocabulary } from '../vocabulary'
import { cutFigures } from '../written-responses'

export const humanLabels: Stage<'human-labels'> = {
  async run({ data, model, limits }, host) {
    const { train } = readData(await host.open(data))
    const { folder } = await policyFolders(model, host.open)
    const tokenizer = loadTokenizer(folder)
    const labels = labelledByPeople(train, { tokenizer, model: { config: readAnyConfig(folder) } }, limits)
    if (labels.length === 0)
      throw new InvalidInput(
        'human-labels: no row of the training data has two responses of which people preferred one; use HH-RLHF, ' +
          'OpenAI\'s comparisons, or rows with "responses" and "preferred", or choose method "rlaif"',
      )
    writeJsonl(join(host.output, 'labels.jsonl'), labels)
    writeVocabulary(host.output, tokenizer)
    const { cut, cutShare } = cutFigures(labels.flatMap(({ first, second }) => [first, second]))
    return {
      labeler: 'people',
      labels: labels.length,
      ties: train.reduce((sum, { pairs = [] }) => sum + pairs.length, 0) - labels.length,
      cutResponses: cut,
      cutShare,
    }
  },
}
