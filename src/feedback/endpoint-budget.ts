// What requests to an endpoint have cost, and the limit on it. The cost of a request is estimated and reserved before
// it is sent; the endpoint's own token counts replace the estimate afterwards. Where a reply has none, the estimate
// stays: otherwise a limit would never apply.
import { z } from 'zod'
import type { EndpointSettings } from '../contracts/labeler-settings'
import { addUsage, noUsage, type Usage } from '../contracts/usage'
import { EndpointRefused } from './endpoint-errors'
import type { LabelerRole } from './labeler'
import { formatCost } from '../number-format'

/** The tokens of a request. */
export interface Tokens {
  in: number
  out: number
}

export interface Budget {
  /** Of the requests since this budget was opened. */
  usage: Usage
  /** @throws EndpointRefused when the limit might be exceeded @returns gives the reserved amount back */
  reserve(estimate: Tokens): () => void
  /** Counts a request that is sent. @param bill of the question that it is for */
  countRequest(bill: Usage): void
  /** Adds the token counts that the endpoint reports in its reply or, without them, the estimate. */
  record(reply: unknown, estimate: Tokens, bill: Usage): void
}

/**
 * @param spentBefore what earlier attempts of the same work have cost, called before the first request: the limit is for
 * all of them together
 */
export function openBudget(
  { price, maxCost }: EndpointSettings,
  role: LabelerRole,
  spentBefore: () => number = () => 0,
): Budget {
  const usage = noUsage()
  let before: number | undefined
  let reserved = 0
  const costOf = (tokens: Tokens) =>
    (tokens.in * (price?.inputPerMillion ?? 0) + tokens.out * (price?.outputPerMillion ?? 0)) / 1e6
  const add = (bill: Usage, more: Partial<Usage>) => {
    for (const total of [usage, bill]) addUsage(total, { ...noUsage(), ...more })
  }
  return {
    usage,
    reserve(estimate) {
      const cost = costOf(estimate)
      before ??= spentBefore()
      const spent = before + usage.cost
      if (maxCost !== undefined && spent + reserved + cost > maxCost)
        throw new EndpointRefused(
          `${role}: the next request may exceed ${role}.maxCost = ${maxCost} (${formatCost(spent)} is spent` +
            `${before > 0 ? `, ${formatCost(before)} of it by earlier attempts` : ''}); ` +
            'answers so far are kept: raise it and run the stage again',
        )
      reserved += cost
      return () => void (reserved -= cost)
    },
    countRequest: (bill) => add(bill, { requests: 1 }),
    record(reply, estimate, bill) {
      const { tokensIn, tokensOut } = reportedTokens(reply)
      const tokens = { in: tokensIn ?? estimate.in, out: tokensOut ?? estimate.out }
      add(bill, {
        promptTokens: tokens.in,
        completionTokens: tokens.out,
        cost: costOf(tokens),
        estimated: Number(tokensIn === undefined || tokensOut === undefined),
      })
    },
  }
}

/** More is no count of one request. */
const MOST_TOKENS = 1e9
const tokenCount = z.number().nonnegative().max(MOST_TOKENS).optional().catch(undefined)
const usageSchema = z
  .object({
    prompt_tokens: tokenCount,
    completion_tokens: tokenCount,
    input_tokens: tokenCount,
    output_tokens: tokenCount,
  })
  .transform((usage) => ({
    tokensIn: usage.prompt_tokens ?? usage.input_tokens,
    tokensOut: usage.completion_tokens ?? usage.output_tokens,
  }))
const replySchema = z.object({ usage: usageSchema })

/** The field `usage` of a reply, or nothing where the server sends none. A prompt of no tokens was not counted. */
function reportedTokens(reply: unknown): { tokensIn?: number | undefined; tokensOut?: number | undefined } {
  const counts = replySchema.safeParse(reply).data?.usage ?? {}
  return 'tokensIn' in counts && counts.tokensIn === 0 ? {} : counts
}
