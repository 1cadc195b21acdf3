// Training curves as TensorBoard's event files: `tensorboard --logdir <artifact>/tensorboard`.
import { join } from 'node:path'
import { tf } from '../model/tf'

interface StageCurves {
  stage: string
  /** One row for each step, with the step's number under `step`. */
  metrics: readonly Record<string, number>[]
}

/** Writes one folder for each stage; a stage without metrics gets none. */
export function writeTensorBoard(folder: string, stages: readonly StageCurves[]): void {
  for (const { stage, metrics } of stages) {
    if (metrics.length === 0) continue
    const writer = tf.node.summaryFileWriter(join(folder, stage))
    for (const { step, ...values } of metrics)
      for (const [name, value] of Object.entries(values)) writer.scalar(`${stage}/${name}`, value, step!)
    writer.flush()
  }
}
