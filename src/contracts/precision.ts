// What local models compute in. Given once for a run, it holds for all groups of settings that do not name their own.
import { z } from 'zod'

/** Of one role: absent stands for float32. */
export const precisionField = z
  .enum(['float32', 'bfloat16'])
  .optional()
  .describe(
    'What matrix products are computed in; everything else, and the weights that are trained, is in float32. ' +
      '"bfloat16" is about twice as fast on processors with instructions for it (`rlaif doctor` measures) and halves the ' +
      'memory of weights that are only read. Default: that of the run, or float32.',
  )
export type Precision = NonNullable<z.infer<typeof precisionField>>

/** Of a whole run. */
export const runPrecision = precisionField.describe(
  'What local models of this run compute in, wherever a group of settings names no `precision` of its own: "float32" ' +
    '(default), or "bfloat16", about twice as fast on processors with instructions for it. For what trains and samples on ' +
    'Ray, `engine.ray.precision` says it.',
)
