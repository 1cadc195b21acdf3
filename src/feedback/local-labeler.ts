// A model on this machine's device as labeler: the question as the user's turn, the ending as the beginning of the answer.
import type { LoadedModel } from '../model/loaded'
import { nextTokenLogProbs } from '../model/score'
import { logSumExp, type Labeler, type Question } from './labeler'

export function localLabeler(name: string, { model, tokenizer }: LoadedModel): Labeler {
  // After "SCORE: " some vocabularies go on with "7", others would have merged the space into " 7": ask where this one puts the boundary.
  const spaceJoinsDigit = tokenizer.singleToken(' 1') !== undefined
  const prompt = ({ text, ending }: Question) => tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: text }]) + (spaceJoinsDigit ? ending.trimEnd() : ending))
  return {
    name,
    async ask(questions, options, onProgress) {
      const variants = options.map((option) => [option, ` ${option}`].map((text) => tokenizer.singleToken(text)).filter((id) => id !== undefined))
      const ids = variants.flat()
      const prompts = questions.map(prompt)
      const limit = model.config.contextLength
      const fits = prompts.map((p) => p.length <= limit)
      const answers = await nextTokenLogProbs(model, prompts.filter((_, i) => fits[i]), ids, onProgress)
      return prompts.map((p, i) => {
        if (!fits[i]) return { failed: `prompt of ${p.length} tokens is longer than the labeler's context of ${limit}` }
        const logProbs = answers.shift()!
        let at = 0
        return variants.map((own) => logSumExp(logProbs.slice(at, (at += own.length))))
      })
    },
  }
}
