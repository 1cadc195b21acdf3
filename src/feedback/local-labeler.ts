// A model on this machine's device as labeler: the question as the user's turn, the ending as the beginning of the
// answer.
import { generate } from '../model/generate'
import { stopIds, type LoadedModel } from '../model/loaded'
import { nextTokenLogProbs } from '../model/score'
import { logSumExp, type Labeler, type OnAnswer, type OptionAnswer, type Question, type Unanswered } from './labeler'

/** A kill loses the answers of one group at most; the beginning all prompts share is computed once a group. */
const GROUP_SIZE = 128

/** @param digest names the model's content */
export function localLabeler(name: string, digest: string, loaded: LoadedModel): Labeler {
  const { model, tokenizer } = loaded
  const limit = model.config.contextLength
  // After "SCORE: " some vocabularies go on with "7", others would have merged the space into " 7": ask where this one
  // puts the boundary.
  const spaceJoinsDigit = tokenizer.singleToken(' 1') !== undefined
  const promptOf = ({ text, ending }: Question) =>
    tokenizer.encode(
      tokenizer.renderChat([{ role: 'user', content: text }]) + (spaceJoinsDigit ? ending.trimEnd() : ending),
    )

  /**
   * Answers what does not fit with `toWrite` more tokens, and runs the rest; `run` gives answers by their index among
   * the prompts it got.
   */
  async function answer<T>(
    questions: readonly Question[],
    toWrite: number,
    onAnswer: OnAnswer<T> | undefined,
    run: (prompts: number[][], keep: (i: number, answer: T) => void) => Promise<unknown>,
  ): Promise<(T | Unanswered)[]> {
    const out: (T | Unanswered)[] = []
    const keep = (place: number, answer: T | Unanswered) => {
      out[place] = answer
      onAnswer?.(place, answer)
    }
    const asked: { prompt: number[]; place: number }[] = []
    questions.map(promptOf).forEach((prompt, place) => {
      if (prompt.length + toWrite <= limit) asked.push({ prompt, place })
      else
        keep(place, {
          failed: `${prompt.length + toWrite} tokens do not fit the labeler's context of ${limit}`,
          tooLong: true,
        })
    })
    await run(
      asked.map(({ prompt }) => prompt),
      (i, answer) => keep(asked[i]!.place, answer),
    )
    return out
  }

  return {
    name,
    identity: { local: digest },
    groupSize: GROUP_SIZE,
    ask(questions, options, onAnswer) {
      // "1" and " 1" are one answer.
      const variants = options.map((option) =>
        [option, ` ${option}`].map((text) => tokenizer.singleToken(text)).filter((id) => id !== undefined),
      )
      const optionAnswer = (logProbs: readonly number[]): OptionAnswer => {
        let at = 0
        return { logProbs: variants.map((own) => logSumExp(logProbs.slice(at, (at += own.length)))) }
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
