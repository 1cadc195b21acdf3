// The validations of a policy in training, response by response, of a finished artifact or of a stage that still
// runs. Texts stay in their files, where each is found by its place: a run of 2,000 prompts and 50 validations has
// 100 MB of them. Only places and scores are in memory.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { LOG_FILE } from '../artifacts/store'
import {
  CANDIDATES_FILE,
  JUDGE,
  LIVE_FOLDER,
  LIVE_PROMPTS,
  LIVE_STEP,
  REWARD,
  scoresSchema,
  SCORES_FILE,
  VALIDATIONS_FILE,
  validationScoresSchema,
  WATCH,
  type Scores,
} from '../contracts/validation-scores'
import { readJsonl } from '../json-lines'
import { lineRanges, readJsonRanges, readRange, stringRanges, type Range } from './json-spans'

/** One validation: every prompt was answered by the policy of this step. */
export interface Validation {
  step: number
  /** Mean reward of its responses. */
  reward: number
  /** Of the policy in training, in nats per response, on the training prompts of this step. */
  kl?: number | undefined
  scores: Scores
}

export interface Validations {
  /** By step; the first is of the policy before training. */
  list: readonly Validation[]
  /** How many prompts each answered. */
  prompts: number
  /** Whether more may come. */
  isLive: boolean
  /** ID and text of prompts, in the order asked for. */
  readPrompts(prompts: readonly number[]): { id: string; context: string }[]
  /** What the policy of a validation answered to prompts. @param validation index in `list` */
  readResponses(validation: number, prompts: readonly number[]): string[]
  /** All responses of a validation, read at once. @param validation index in `list` */
  readAll(validation: number): string[]
}

/** Where the responses of a validation are. */
interface Source {
  file: string
  /** Of its JSON object. */
  range: Range
}

const text = z.string()
const texts = z.array(text)
const withResponses = z.object({ responses: texts })
const metricsSchema = z.object({ step: z.number(), kl: z.number().optional() })

/**
 * @param folder of a finished artifact of stage `rl` or `online-dpo`
 * @param choice folder of stage `choose`, if it ran: the judge's answers about the candidates
 * @returns undefined for a run without validation prompts
 */
export function openValidations(folder: string, choice?: string): Validations | undefined {
  const file = join(folder, VALIDATIONS_FILE)
  if (!existsSync(file)) return undefined
  const sources = [...lineRanges(file)].map((range) => ({ file, range }))
  const kl = klByStep(join(folder, LOG_FILE))
  const scores = [scoresByStep(folder), ...(choice === undefined ? [] : [scoresByStep(choice)])]
  const list = sources.map((source): Validation => {
    const { step, reward, scores: inHead } = headOf(source)
    const given = scores.flatMap((all) => Object.entries(all.get(step) ?? {}))
    return { step, reward, kl: kl.get(step), scores: { ...inHead, ...Object.fromEntries(given) } }
  })
  return opened(join(folder, CANDIDATES_FILE), withEvenStart(list), sources, false)
}

/** @param checkpoints of a stage that runs. @returns undefined before its first validation */
export function openLiveValidations(checkpoints: string): Validations | undefined {
  const folder = join(checkpoints, LIVE_FOLDER)
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => LIVE_STEP.test(name)) : []
  if (names.length === 0 || !existsSync(join(folder, LIVE_PROMPTS))) return undefined
  const kl = savedKl(join(checkpoints, 'training'))
  const sources = names.sort().map((name) => {
    const file = join(folder, name)
    return { file, range: { start: 0, end: statSync(file).size } }
  })
  const list = sources.map((source): Validation => {
    const { step, reward } = headOf(source)
    return { step, reward, kl: kl.get(step), scores: scoresAfter(source) }
  })
  return opened(join(folder, LIVE_PROMPTS), list, sources, true)
}

function opened(
  promptFile: string,
  list: readonly Validation[],
  sources: readonly Source[],
  isLive: boolean,
): Validations | undefined {
  if (sources.length === 0) return undefined
  const prompts = promptPlaces(promptFile)
  const found = new Map<number, Places>()
  const placesOf = (validation: number): Places => {
    const known = found.get(validation) ?? responsePlaces(sources[validation]!)
    found.set(validation, known)
    return known
  }
  return {
    list,
    prompts: prompts.length / 2,
    isLive,
    readPrompts(numbers) {
      const ranges = numbers.flatMap((prompt) => [prompts.at(2 * prompt), prompts.at(2 * prompt + 1)])
      const read = texts.parse(readJsonRanges(promptFile, ranges))
      return numbers.map((_, i) => ({ id: read[2 * i]!, context: read[2 * i + 1]! }))
    },
    readResponses(validation, numbers) {
      const places = placesOf(validation)
      return texts.parse(
        readJsonRanges(
          sources[validation]!.file,
          numbers.map((prompt) => places.at(prompt)),
        ),
      )
    },
    readAll(validation) {
      const { file, range } = sources[validation]!
      return withResponses.parse(JSON.parse(readRange(file, range))).responses
    },
  }
}

// ---- Places of texts

interface Places {
  length: number
  at(i: number): Range
}

function placesIn(ranges: Iterable<Range>): Places {
  const ends = Float64Array.from(
    (function* () {
      for (const { start, end } of ranges) yield* [start, end]
    })(),
  )
  return {
    length: ends.length / 2,
    at(i) {
      if (!(i >= 0 && i < ends.length / 2)) throw new RangeError(`studio: there is no text number ${i}`)
      return { start: ends[2 * i]!, end: ends[2 * i + 1]! }
    },
  }
}

/** The strings of the list "responses". */
const responsePlaces = ({ file, range }: Source): Places => placesIn(listed(stringRanges(file, range)))

function* listed(strings: Iterable<Range>): Generator<Range> {
  let last: number | undefined
  let isListed = false
  for (const { start, end } of strings) {
    if (isListed && last !== undefined && start !== last + 1) return // more than a comma between: the list has ended
    if (isListed) yield { start, end }
    last = isListed ? end : undefined
    isListed ||= end - start === RESPONSES_KEY.length
  }
}

/**
 * ID and context of each prompt, in turns: the strings of the list "rows", `{"id": …, "context": …}`,
 * without the keys.
 */
const promptPlaces = (file: string): Places =>
  placesIn(rowTexts(stringRanges(file, { start: 0, end: statSync(file).size }), readRange(file, { start: 0, end: 8 })))

const ROW_TEXTS = 4 // two keys, two texts
/** Of `"id"`, the first of a row: a longer one is the key after the list. */
const KEY_BYTES = 4

function* rowTexts(strings: Iterable<Range>, head: string): Generator<Range> {
  let skip = head.startsWith('{"run"') ? 3 : 1 // "run", its value, "rows"
  let number = 0
  for (const string of strings) {
    if (skip-- > 0) continue
    if (number % ROW_TEXTS === 0 && string.end - string.start !== KEY_BYTES) return
    if (number++ % 2 === 1) yield string
  }
}

// ---- What is known of each validation

const headSchema = z.object({
  step: z.number(),
  reward: z.number().nullable(),
  rewards: z.array(z.number().nullable()).optional(),
  watched: z.array(z.number().nullable()).optional(),
})
const RESPONSES_KEY = '"responses"'

/** What precedes the responses: numbers alone, so that the first string of this length is their key. */
function headOf({ file, range }: Source): Pick<Validation, 'step' | 'reward' | 'scores'> {
  for (const { start, end } of stringRanges(file, range)) {
    if (end - start !== RESPONSES_KEY.length) continue
    const head = readRange(file, { start: range.start, end: start }).replace(/,$/, '}')
    const { step, reward, rewards, watched } = headSchema.parse(JSON.parse(head))
    return {
      step,
      reward: reward ?? NaN,
      scores: { ...(rewards && { [REWARD]: rewards }), ...(watched && { [WATCH]: watched }) },
    }
  }
  throw new Error(`studio: ${file} has no "responses" where a validation has them`)
}

/** Of a live validation, whose scores follow the responses. */
function scoresAfter(source: Source): Scores {
  const places = responsePlaces(source)
  const { start, end } = source.range
  const after = places.length > 0 ? places.at(places.length - 1).end : start
  const rest = readRange(source.file, { start: after, end })
  const scores = rest.indexOf('"scores":')
  return scores < 0 ? {} : scoresSchema.parse(JSON.parse(rest.slice(scores + '"scores":'.length, -1)))
}

function scoresByStep(folder: string): Map<number, Scores> {
  const file = join(folder, SCORES_FILE)
  const lines = existsSync(file) ? readJsonl(file, validationScoresSchema) : []
  return new Map(lines.map(({ step, scores }) => [step, scores]))
}

/** The judge compares with the response before training, which is as good as itself. */
function withEvenStart(list: readonly Validation[]): Validation[] {
  const judged = list.find(({ scores }) => scores[JUDGE])?.scores[JUDGE]
  if (!judged) return [...list]
  return list.map((validation, i) =>
    i === 0 ? { ...validation, scores: { ...validation.scores, [JUDGE]: judged.map(() => 0.5) } } : validation,
  )
}

const klByStep = (file: string): Map<number, number> => klOf(existsSync(file) ? readJsonl(file, metricsSchema) : [])

const klOf = (metrics: readonly { step: number; kl?: number | undefined }[]): Map<number, number> =>
  new Map(metrics.flatMap(({ step, kl }) => (kl === undefined ? [] : [[step, kl]])))

/** Up to the last checkpoint of a stage that runs. */
function savedKl(training: string): Map<number, number> {
  const last = existsSync(training)
    ? readdirSync(training)
        .filter((name) => /^step-\d+$/.test(name))
        .sort()
        .at(-1)
    : undefined
  if (last === undefined) return new Map()
  try {
    const saved: unknown = JSON.parse(readFileSync(join(training, last, 'progress.json'), 'utf8'))
    return klOf(z.object({ history: z.array(metricsSchema) }).parse(saved).history)
  } catch {
    return new Map() // the checkpoint was replaced meanwhile
  }
}
