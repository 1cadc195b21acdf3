// How long a conversation is as a prompt.
import { TemplateRefusal, type ChatMessage } from './chat-template'
import type { Tokenizer } from './tokenizer'

/** In tokens; or why the chat template does not accept it: such a conversation is left out, it does not end a run. */
export function promptLength(
  tokenizer: Pick<Tokenizer, 'chatIds'>,
  messages: readonly ChatMessage[],
): number | { refused: string } {
  try {
    return tokenizer.chatIds(messages).length
  } catch (error) {
    if (error instanceof TemplateRefusal) return { refused: error.message }
    throw error
  }
}
