// A local model as labeler: the question is the user's turn, the ending is the beginning of the answer.
import type { TemplateSettings } from '../contracts/template-settings'
import { generate } from '../model/generate'
import { stopIds } from '../model/ending'
import type { LoadedModel } from '../model/loaded'
import { TemplateRefusal } from '../model/chat-template'
import { nextTokenLogProbs } from '../model/score'
import {
  lacksRationale,
  logSumExp,
  writtenText,
  type Labeler,
  type OnAnswer,
  type OptionAnswer,
  type Question,
  type Unanswered,
  type WritingSettings,
  type Written,
} from './labeler'
import { firstTokens, joinsSpace, optionTokens } from './option-tokens'

/** A kill loses the answers of one group at most; the prefix that all prompts share is computed once per group. */
const GROUP_SIZE = 128

/** Changes when the same question would be put to the same model in other tokens. */
const PROMPTS = 3

/** A question that the chat template does not accept fails alone. */
function unlessRefused<T>(work: () => T): T | Unanswered {
  try {
    return work()
  } catch (error) {
    if (error instanceof TemplateRefusal) return { failed: error.message }
    throw error
  }
}

/** What answers depend on, besides the question. */
const identityOf = (digest: string, { precision }: LoadedModel['model'], template: TemplateSettings | undefined) => ({
  local: digest,
  prompts: PROMPTS,
  ...(template && { template }),
  ...(precision && { precision }),
})

/**
 * @param digest of the model's content
 * @param template variables of the chat template that `loaded` was loaded with
 */
export function localLabeler(name: string, digest: string, loaded: LoadedModel, template?: TemplateSettings): Labeler {
  const { model, tokenizer } = loaded
  const limit = model.config.contextLength
  // After "SCORE: " some vocabularies continue with "7"; others merge the space into " 7", so the ending leaves it out.
  const endingsBefore = (options: readonly string[]) => {
    const isJoined = joinsSpace(tokenizer, options)
    return ({ ending }: Question) => (isJoined ? ending.trimEnd() : ending)
  }

  /**
   * Runs the questions that leave room for `tokensToWrite` more tokens in the context; the others fail.
   * @param endingOf where the answer begins
   * @param run calls `onAnswer` with the index of the prompt in the list it is given; `asked` are their questions
   */
  async function answer<T>(
    questions: readonly Question[],
    { endingOf, tokensToWrite = 0 }: { endingOf: (question: Question) => string; tokensToWrite?: number },
    onAnswer: OnAnswer<T> | undefined,
    run: (
      prompts: number[][],
      onAnswer: (i: number, answer: T | Unanswered) => void,
      asked: Question[],
    ) => Promise<unknown>,
  ): Promise<(T | Unanswered)[]> {
    const answers: (T | Unanswered)[] = []
    const keep = (place: number, answer: T | Unanswered) => {
      answers[place] = answer
      onAnswer?.(place, answer)
    }
    const fitting: { prompt: number[]; place: number }[] = []
    questions.forEach((question, place) => {
      const messages = [{ role: 'user', content: question.text }] as const
      const prompt = unlessRefused(() => tokenizer.chatIds(messages, endingOf(question)))
      if ('failed' in prompt) keep(place, prompt)
      else if (prompt.length + tokensToWrite <= limit) fitting.push({ prompt, place })
      else
        keep(place, {
          failed: `${prompt.length + tokensToWrite} tokens do not fit the labeler's context of ${limit}`,
          tooLong: true,
        })
    })
    await run(
      fitting.map(({ prompt }) => prompt),
      (i, answer) => keep(fitting[i]!.place, answer),
      fitting.map(({ place }) => questions[place]!),
    )
    return answers
  }

  return {
    name,
    identity: identityOf(digest, model, template),
    groupSize: GROUP_SIZE,
    beginnings: (ending, text) => firstTokens(tokenizer, endingsBefore([text])({ text: '', ending }), text),
    ask(questions, options, onAnswer) {
      const endingOf = endingsBefore(options)
      const tokens = optionTokens(tokenizer, options, questions.map(endingOf))
      const optionAnswer = (question: Question, logProbs: readonly number[]): OptionAnswer => ({
        logProbs: tokens.after(endingOf(question)).map((places) => logSumExp(places.map((place) => logProbs[place]))),
      })
      return answer<OptionAnswer>(questions, { endingOf }, onAnswer, (prompts, keep, asked) =>
        nextTokenLogProbs(model, prompts, tokens.ids, (i, logProbs) => keep(i, optionAnswer(asked[i]!, logProbs))),
      )
    },
    write(questions, settings, onAnswer) {
      const { maxTokens, temperature, topK, seed } = settings
      const sampling = { maxTokens, temperature, topK, stopIds: stopIds(loaded) }
      const writing = { endingOf: endingsBefore(['1']), tokensToWrite: maxTokens }
      return answer<Written>(questions, writing, onAnswer, (prompts, keep) =>
        generate(model, prompts, sampling, [seed, 'rationale'], (i, { ids, stopped }) =>
          keep(i, rationaleFrom(tokenizer.decode(ids).trim(), !stopped, settings)),
        ),
      )
    },
  }
}

/**
 * A text that was cut is used, and counted: small models often repeat themselves up to any limit, and the probabilities
 * read after the cut are theirs after that many tokens of thought.
 */
const rationaleFrom = (text: string, isCut: boolean, settings: WritingSettings): Written | Unanswered =>
  lacksRationale(text, settings) ? { failed: 'the rationale is empty' } : writtenText(text, isCut, settings)
