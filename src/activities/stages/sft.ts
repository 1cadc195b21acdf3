// Stage `sft`: fine-tunes the model on the data's reference responses.
import { join } from 'node:path'
import { LOG_FILE } from '../../artifacts/store'
import { writeJsonl } from '../../json-lines'
import { loadPolicy } from '../../model/policy'
import { trainSft } from '../../training/sft'
import { refuseNoReferences, sftFigures } from '../sft-figures'
import { trainingHost, type Stage } from '../stage'
import { loadedFor, saveTrained, trainable } from '../trainable'
import { readReferences } from '../written-responses'

export const sft: Stage<'sft'> = {
  async run(input, host) {
    const loaded = await loadPolicy(input.model, host.open, loadedFor(input.settings))
    const sequences = readReferences(await host.open(input.data), loaded, input.limits)
    refuseNoReferences(sequences)
    const policy = trainable(loaded.model, input.settings, input.seed)
    const { history } = await trainSft(
      policy,
      sequences,
      { ...input.settings, seed: input.seed },
      trainingHost(host, 'training', input.settings.checkpointEvery),
    )
    saveTrained(policy, host.output, { policy: input.model, folder: loaded.folder })
    writeJsonl(join(host.output, LOG_FILE), history)
    return sftFigures(sequences, history)
  },
}
