// Fingerprints of what the miniature world makes under names: they change with its words, its rules and its code, so that
// nothing that was made by other ones is taken for it. Each is made once per process. Loads no TensorFlow.js.
import { digestOf } from '../digest'
import {
  annotatorNamed,
  ANNOTATORS,
  aspectScoresOf,
  marginOf,
  preferFirst,
  rationaleOf,
  scoresOf,
  type Annotator,
} from './annotator'
import { trainBpe } from './bpe'
import { dialogueRow, pretrainingRow, summaryRow } from './data'
import { goldAspects, goldHarmless, goldScore } from './gold'
import { CONFIG, CORPUS, SPECIAL_TOKENS, TOKENIZER_CONFIG, VOCABULARY } from './policy-shape'
import * as words from './words'

/** Rows that stand for all, next to the words themselves. */
const SAMPLE = 20
const sampled = <T>(rowOf: (seed: number, i: number) => T): T[] =>
  Array.from({ length: SAMPLE }, (_, i) => rowOf(CORPUS.seed, i))

const made = new Map<string, string>()
function once(what: string, parts: () => unknown): string {
  const known = made.get(what) ?? digestOf(JSON.stringify([words, parts()])).slice(0, 16)
  made.set(what, known)
  return known
}

/** Of the rows. @param instruction of the task summarization */
export const rowsFingerprint = (instruction: string): string =>
  once(`rows ${instruction}`, () => [
    sampled(summaryRow),
    sampled(dialogueRow),
    sampled((seed, i) => pretrainingRow(seed, i, instruction)),
  ])

/** Of the policy before any training. @param instruction of the task summarization */
export const policyFingerprint = (seed: number, instruction: string): string =>
  once(`policy ${seed} ${instruction}`, () => {
    const rows = sampled((corpus, i) => pretrainingRow(corpus, i, instruction))
    const texts = rows.flatMap(({ messages, reference }) => [messages[0]!.content, reference])
    const tokenizer = trainBpe(texts, VOCABULARY, SPECIAL_TOKENS)
    return [seed, CORPUS, VOCABULARY, CONFIG, TOKENIZER_CONFIG, rows, tokenizer]
  })

/** Of the annotators: what each of them, and one of their colleagues, says of some pairs. */
export const annotatorsFingerprint = (): string =>
  once('annotators', () => {
    const summaries = sampled(summaryRow)
    const pairs = [
      ...summaries.map((row) => ({ ...row, gold: goldScore })),
      ...sampled(dialogueRow).map((row) => ({ ...row, gold: goldHarmless })),
    ].map(({ prompt, responses, gold }) => ({ responses, gold: responses.map((one) => gold(prompt, one)) }))
    const annotators = [...Object.keys(ANNOTATORS), 'XS-2'].map((name) => annotatorNamed(name)!)
    return annotators.map((annotator) => [
      pairs.map(({ responses, gold }) => opinions(annotator, responses, gold as [number, number])),
      summaries.map(({ prompt, responses: [one] }) => opinionsByAspect(annotator, prompt, one)),
    ])
  })

function opinions(annotator: Annotator, responses: [string, string], gold: [number, number]) {
  const margin = marginOf(annotator, gold, responses)
  return [preferFirst(annotator, margin), rationaleOf(margin, 1, 1), scoresOf(annotator, gold[0], responses[0])]
}

const opinionsByAspect = (annotator: Annotator, post: string, summary: string) =>
  Object.entries(goldAspects(post, summary)).map(([aspect, truth]) =>
    aspectScoresOf(annotator, aspect, truth as number, summary),
  )
