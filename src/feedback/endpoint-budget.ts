// What requests to an endpoint have cost, and the limit on it. The cost of a request is estimated and reserved before
// it is sent; the endpoint's own token counts replace the estimate afterwards.
import type { EndpointSettings } from '../contracts/labeler-settings'
import { EndpointRefused } from './endpoint-errors'
import type { LabelerRole } from './labeler'

export interface Usage {
  requests: number
  promptTokens: number
  completionTokens: number
  /** In the currency of the setting `price`. */
  cost: number
}

export interface Budget {
  usage: Usage
  costOf(tokensIn: number, tokensOut: number): number
  /** @throws EndpointRefused when the limit might be exceeded @returns gives the reserved amount back */
  reserve(cost: number): () => void
  /** Adds the token counts that the endpoint reports in its answer. */
  record(answer: unknown): void
}

export function openBudget({ price, maxCost }: EndpointSettings, role: LabelerRole): Budget {
  const usage: Usage = { requests: 0, promptTokens: 0, completionTokens: 0, cost: 0 }
  let reserved = 0
  const costOf = (tokensIn: number, tokensOut: number) =>
    (tokensIn * (price?.inputPerMillion ?? 0) + tokensOut * (price?.outputPerMillion ?? 0)) / 1e6
  return {
    usage,
    costOf,
    reserve(cost) {
      if (maxCost !== undefined && usage.cost + reserved + cost > maxCost)
        throw new EndpointRefused(
          `${role}: the next request may exceed ${role}.maxCost = ${maxCost} (${usage.cost.toFixed(4)} is spent); ` +
            'answers so far are kept: raise it and run the stage again',
        )
      reserved += cost
      return () => void (reserved -= cost)
    },
    record(answer) {
      const { prompt_tokens: tokensIn, completion_tokens: tokensOut } = reportedTokens(answer)
      usage.promptTokens += Number(tokensIn) || 0
      usage.completionTokens += Number(tokensOut) || 0
      usage.cost += costOf(Number(tokensIn) || 0, Number(tokensOut) || 0)
    },
  }
}

/** The field `usage` of an answer, or nothing where the server sends none. */
const reportedTokens = (answer: unknown) =>
  (answer as { usage?: { prompt_tokens?: number; completion_tokens?: number } } | null)?.usage ?? {}
