// Training curves as TensorBoard's event files: `tensorboard --logdir <artifact>/tensorboard`.
import { join } from 'node:path'
import { tf } from '../model/tf'

export interface Logged {
  stage: string
  metrics: readonly Record<string, number>[]
}

/** One folder a stage; a stage without a curve has none. */
export function writeTensorBoard(folder: string, stages: readonly Logged[]): void {
  for (const { stage, metrics } of stages) {
    if (metrics.length === 0) continue
    const writer = tf.node.summaryFileWriter(join(folder, stage))
    for (const { step, ...values } of metrics)
      for (const [name, value] of Object.entries(values)) writer.scalar(`${stage}/${name}`, value, step!)
    writer.flush()
  }
}
