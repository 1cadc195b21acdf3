// What requests to an endpoint took and cost: counted for each question, stored with its answer, summed over a stage.
import { z } from 'zod'

const amount = z.number().nonnegative()
export const usageSchema = z.object({
  /** Requests sent, repeated ones included. */
  requests: amount,
  promptTokens: amount,
  completionTokens: amount,
  /** In the currency of the setting `price`. */
  cost: amount,
  /** Answered requests whose tokens are estimated, because the reply had no `usage`. */
  estimated: amount,
})
export type Usage = z.infer<typeof usageSchema>

export const noUsage = (): Usage => ({ requests: 0, promptTokens: 0, completionTokens: 0, cost: 0, estimated: 0 })

export function addUsage(total: Usage, more: Usage): void {
  for (const figure of Object.keys(total) as (keyof Usage)[]) total[figure] += more[figure]
}
