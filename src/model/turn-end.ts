// The token that ends a turn: what the chat template writes after an assistant's answer, found by rendering a
// conversation. In Llama 3 it is <|eot_id|>, though its config.json names <|end_of_text|> first.
import { InvalidInput } from '../contracts/parse'
import type { ChatTemplate } from './chat-template'

const [QUESTION, ANSWER] = ['A probing question', 'A probing answer']

/**
 * @param isControl whether an id is of an added token
 * @returns undefined if there is no template or it writes no token after an answer
 */
export function turnEnd(
  template: ChatTemplate | undefined,
  encode: (text: string) => number[],
  isControl: (id: number) => boolean,
): number | undefined {
  if (!template) return undefined
  try {
    const question = { role: 'user', content: QUESTION } as const
    const rendered = template.render([question, { role: 'assistant', content: ANSWER }], false)
    const at = rendered.lastIndexOf(ANSWER)
    if (at < 0) return undefined
    const end = encode(rendered.slice(at + ANSWER.length)).find(isControl)
    // a template that always writes where the next answer begins, and no end, ends no turn
    const opening = encode(template.render([question], true)).findLast(isControl)
    return end === opening ? undefined : end
  } catch (error) {
    if (error instanceof InvalidInput) throw error
    return undefined // a template for single questions
  }
}
