// What an endpoint replies: its schema, and how a text, a rationale or probabilities are read from it.
import { z } from 'zod'
import { lacksRationale, writtenText, type LabelerRole, type Unanswered, type WritingSettings } from './labeler'

/** Characters of a model's text in a message. */
export const MAX_QUOTED = 60
/** Values of `finish_reason` of a text that did not end by itself. */
const CUT = /^(length|max_tokens)$/i

/** Servers send null, or −∞, for a probability that rounds to 0. */
const logProb = z
  .union([z.number(), z.literal(-Infinity)])
  .nullish()
  .transform((given) => given ?? -Infinity)
const tokenLogProb = z.object({ token: z.string(), logprob: logProb })
const contentLogProbs = z.object({
  content: z.array(tokenLogProb.extend({ top_logprobs: z.array(tokenLogProb).nullish() })).nullish(),
})
const legacyLogProbs = z.object({ top_logprobs: z.array(z.record(z.string(), logProb).nullable()).nullish() })
const replySchema = z.object({
  choices: z
    .array(
      z.object({
        text: z.string().nullish(),
        message: z
          .object({
            content: z.string().nullish(),
            refusal: z.string().nullish(),
            reasoning_content: z.unknown().optional(),
          })
          .nullish(),
        finish_reason: z.string().nullish(),
        logprobs: z.intersection(contentLogProbs, legacyLogProbs).nullish(),
      }),
    )
    .min(1),
})
export type Choice = z.infer<typeof replySchema>['choices'][number]

/** The first choice of a reply, if it is an answer of the model: a filtered or refused one fails its question alone. */
export function choiceOf(reply: unknown): Choice | Unanswered {
  const parsed = replySchema.safeParse(reply)
  const [issue] = parsed.error?.issues ?? []
  if (!parsed.success) return { failed: `the answer is not a completion: ${issue?.path.join('.')} ${issue?.message}` }
  return refusalOf(parsed.data.choices[0]!) ?? parsed.data.choices[0]!
}

function refusalOf({ finish_reason: reason, message }: Choice): Unanswered | undefined {
  if (reason === 'content_filter')
    return { failed: `the endpoint's filter withheld the answer (finish_reason ${reason})` }
  return message?.refusal ? { failed: `the model refused: ${message.refusal.slice(0, MAX_QUOTED)}` } : undefined
}

export const textOf = ({ text, message }: Choice) => text ?? message?.content ?? ''

/** A rationale that is empty or cut is a failure: an answer read after it would not rest on it. */
export function rationaleFrom(choice: Choice, writing: WritingSettings, role: LabelerRole): string | Unanswered {
  const text = textOf(choice).trim()
  const isCut = CUT.test(choice.finish_reason ?? '')
  const remedy = `raise ${role}.rationaleTokens, which is ${writing.maxTokens}`
  if (lacksRationale(text, writing)) {
    const thought = choice.message?.reasoning_content ? '; the endpoint put its text into "reasoning_content"' : ''
    return { failed: `the rationale is empty${thought}${isCut ? `, and was cut: ${remedy}` : ''}` }
  }
  const written = writtenText(text, isCut, writing)
  return typeof written === 'string' ? written : { failed: `the rationale was cut at its length limit: ${remedy}` }
}

/** The likeliest of what was returned, for a message. */
export function likeliestOf(returned: ReadonlyMap<string, number>): string {
  const [token, logProb] = [...returned].sort(([, a], [, b]) => b - a)[0]!
  return `${JSON.stringify(token)} (P = ${Math.exp(logProb).toFixed(3)})`
}

/** The list for the first token, in the form of the chat route or of the older completion route. */
export function returnedLogProbs({ logprobs }: Choice): Map<string, number> | undefined {
  const first = logprobs?.content?.[0]
  if (first) return new Map([first, ...(first.top_logprobs ?? [])].map(({ token, logprob }) => [token, logprob]))
  const legacy = logprobs?.top_logprobs?.[0]
  return legacy && Object.keys(legacy).length > 0 ? new Map(Object.entries(legacy)) : undefined
}
