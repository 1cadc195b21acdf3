// A local model as labeler: the question is the user's turn, the ending is the beginning of the answer.
import { generate } from '../model/generate'
import { stopIds, type LoadedModel } from '../model/loaded'
import { nextTokenLogProbs } from '../model/score'
import { logSumExp, type Labeler, type OnAnswer, type OptionAnswer, type Question, type Unanswered } from './labeler'

/** A kill loses the answers of one group at most; the prefix that all prompts share is computed once per group. */
const GROUP_SIZE = 128

/** @param digest of the model's content */
export function localLabeler(name: string, digest: string, loaded: LoadedModel): Labeler {
  const { model, tokenizer } = loaded
  const limit = model.config.contextLength
  // After "SCORE: " some vocabularies continue with "7"; others merge the space into " 7", so the ending leaves it out.
  const spaceJoinsDigit = tokenizer.singleToken(' 1') !== undefined
  const promptOf = ({ text, ending }: Question) =>
    tokenizer.encode(
      tokenizer.renderChat([{ role: 'user', content: text }]) + (spaceJoinsDigit ? ending.trimEnd() : ending),
    )

  /**
   * Runs the questions that leave room for `tokensToWrite` more tokens in the context; the others fail.
   * @param run calls `onAnswer` with the index of the prompt in the list it is given
   */
  async function answer<T>(
    questions: readonly Question[],
    tokensToWrite: number,
    onAnswer: OnAnswer<T> | undefined,
    run: (prompts: number[][], onAnswer: (i: number, answer: T) => void) => Promise<unknown>,
  ): Promise<(T | Unanswered)[]> {
    const answers: (T | Unanswered)[] = []
    const keep = (place: number, answer: T | Unanswered) => {
      answers[place] = answer
      onAnswer?.(place, answer)
    }
    const fitting: { prompt: number[]; place: number }[] = []
    questions.map(promptOf).forEach((prompt, place) => {
      if (prompt.length + tokensToWrite <= limit) fitting.push({ prompt, place })
      else
        keep(place, {
          failed: `${prompt.length + tokensToWrite} tokens do not fit the labeler's context of ${limit}`,
          tooLong: true,
        })
    })
    await run(
      fitting.map(({ prompt }) => prompt),
      (i, answer) => keep(fitting[i]!.place, answer),
    )
    return answers
  }

  return {
    name,
    identity: { local: digest },
    groupSize: GROUP_SIZE,
    ask(questions, options, onAnswer) {
      // "1" and " 1" count as the same answer.
      const variants = options.map((option) =>
        [option, ` ${option}`].map((text) => tokenizer.singleToken(text)).filter((id) => id !== undefined),
      )
      const optionAnswer = (logProbs: readonly number[]): OptionAnswer => {
        let at = 0
        return { logProbs: variants.map((ids) => logSumExp(logProbs.slice(at, (at += ids.length)))) }
      }
      return answer<OptionAnswer>(questions, 0, onAnswer, (prompts, keep) =>
        nextTokenLogProbs(model, prompts, variants.flat(), (i, logProbs) => keep(i, optionAnswer(logProbs))),
      )
    },
    write(questions, { maxTokens, temperature, topK, seed }, onAnswer) {
      const sampling = { maxTokens, temperature, topK, stopIds: stopIds(loaded) }
      return answer<string>(questions, maxTokens, onAnswer, (prompts, keep) =>
        generate(model, prompts, sampling, [seed, 'rationale'], (i, { ids }) => keep(i, tokenizer.decode(ids).trim())),
      )
    },
  }
}
