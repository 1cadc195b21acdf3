// Stage `sft` on Ray: TRL's SFTTrainer on our tokens, in our order.
import { join } from 'node:path'
import { LOG_FILE } from '../../artifacts/store'
import { writeJsonl } from '../../json-lines'
import { refuseNoReferences, sftFigures } from '../sft-figures'
import type { Stage } from '../stage'
import { readReferences } from '../written-responses'
import { computeOnRay, refuseUnevenBatch } from './compute'
import { modelOf, openPolicy } from './policy'
import { batchesOf, progressNamed, readHistory, takeTrained, TRAINER_FIGURES } from './training'

export const sftOnRay: Stage<'sft'> = {
  async run(input, host) {
    const { settings, seed } = input
    const policy = await openPolicy(input.model, host)
    const sequences = readReferences(await host.open(input.data), policy, input.limits)
    refuseNoReferences(sequences)
    const rows = Math.min(settings.batchSize, sequences.length)
    refuseUnevenBatch('sft', rows, input.engine!.ray)
    const steps = Math.ceil((sequences.length * settings.epochs) / settings.batchSize)
    const batches = [...batchesOf(sequences.length, steps, { batchSize: settings.batchSize, seed, stage: 'sft' })]
    const result = await computeOnRay(
      {
        ...{ stage: 'sft', engine: input.engine!.ray, seed, settings, model: modelOf(policy), more: { steps, rows } },
        rows: {
          'sequences.jsonl': sequences.map(({ prompt, response }) => ({ prompt, response })),
          'batches.jsonl': batches,
        },
        named: progressNamed(TRAINER_FIGURES),
      },
      host,
    )
    const tokensOf = (step: number) => batches[step]!.reduce((sum, i) => sum + sequences[i]!.response.length, 0)
    const history = readHistory(result, TRAINER_FIGURES, ({ step }) => tokensOf(step! - 1))
    takeTrained(join(result, 'policy'), host.output, { artifact: input.model, policy })
    writeJsonl(join(host.output, LOG_FILE), history)
    return sftFigures(sequences, history)
  },
}
