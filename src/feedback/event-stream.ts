// A reply that was sent as events, as servers stream: some gateways do so unasked. Its pieces are put together as the
// reply that it would have been.
import { isNode, type Node } from '../json-node'

const firstOf = (list: unknown): Node => {
  const first: unknown = Array.isArray(list) ? list[0] : undefined
  return isNode(first) ? first : {}
}
const asText = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The data of each event; undefined where a text is no stream of events. */
export function eventsIn(text: string): string[] | undefined {
  const lines = text.trimStart().split(/\r?\n/)
  if (!/^(data|event|id|retry|):/.test(lines[0]!)) return undefined
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice('data:'.length).trim())
  return data.filter((piece) => piece !== '' && piece !== '[DONE]')
}

/** @param chunks of one reply, in order; an error among them is the reply */
export function joinedChunks(chunks: readonly unknown[]): unknown {
  const nodes = chunks.filter(isNode)
  const failed = nodes.find(({ error }) => error !== undefined && error !== null)
  if (failed || nodes.length === 0) return failed
  const choices = nodes.map(({ choices }) => firstOf(choices))
  const parts = choices.map(({ delta, message }) => (isNode(delta) ? delta : isNode(message) ? message : {}))
  const joined = (name: string) => parts.map((part) => asText(part[name])).join('')
  const last = <T>(values: readonly T[]) => values.findLast((value) => value !== undefined && value !== null)
  const choice = {
    message: { content: joined('content'), reasoning_content: joined('reasoning_content') || joined('reasoning') },
    text: last(choices.map(({ text }) => text)) === undefined ? undefined : choices.map((c) => asText(c.text)).join(''),
    finish_reason: last(choices.map(({ finish_reason }) => finish_reason)),
    logprobs: choices.map(({ logprobs }) => logprobs).find(isNode),
  }
  return { choices: [choice], usage: last(nodes.map(({ usage }) => usage)) }
}
