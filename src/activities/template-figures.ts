// What a reader of the report must know about the chat template of a model.
import type { Tokenizer } from '../model/tokenizer'

/**
 * The date that the template prints as today's, if it prints one; a caution if there is no template.
 * @param role of the model, for the caution
 */
export function templateFigures({ template }: Pick<Tokenizer, 'template'>, role: string): Record<string, string> {
  if (!template)
    return {
      caution: `The ${role} has no chat template: its prompts are plain text, with "Human: " and "Assistant: " turns.`,
    }
  return template.date === undefined ? {} : { templateDate: template.date }
}
