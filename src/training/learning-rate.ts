// Learning-rate schedules: linear warm-up, then constant, linear or half a cosine down to 0 (as in transformers).

export interface ScheduleSettings {
  /** Peak learning rate, reached after the warm-up. */
  learningRate: number
  /** Steps of linear warm-up; default: 0. */
  warmupSteps?: number | undefined
  /** Default: constant. */
  schedule?: 'constant' | 'linear' | 'cosine' | undefined
}

/** The learning rate of a step. @param step counts from 0 */
export function learningRateAt(
  step: number,
  totalSteps: number,
  { learningRate, warmupSteps = 0, schedule = 'constant' }: ScheduleSettings,
): number {
  if (step < warmupSteps) return (learningRate * step) / warmupSteps
  const done = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps)
  if (schedule === 'linear') return learningRate * Math.max(0, 1 - done)
  if (schedule === 'cosine') return learningRate * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * done)))
  return learningRate
}
