// Answers in words or digits against hand computation: from scripted endpoints over real HTTP, from counted samples,
// from vocabularies that split words, and from the default model.
import { labelerSchema } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'
import { readTask, taskFolder } from '../../src/data/task'
import { askLevels, DIGITS, scoreLevels, type Level } from '../../src/feedback/answer-levels'
import { directRewards, rewardScale, scoreQuestion } from '../../src/feedback/direct-score'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import type { Labeler, Question } from '../../src/feedback/labeler'
import { localLabeler } from '../../src/feedback/local-labeler'
import { judgeAlone } from '../../src/feedback/verdict'
import { loadModelAndTokenizer } from '../../src/model/loaded'
import { nextTokenLogProbs } from '../../src/model/score'
import { defaultModelFolder } from '../tiny-folder'
import { startEndpoint, type Endpoint, type Rule } from './endpoint'

const task = readTask(taskFolder('cheerful'))
const question: Question = { text: 'Judge it.', ending: 'Sentiment:' }
const level = (value: number, ...spellings: string[]): Level => ({ value, spellings })
const MOODS = [level(1, 'positive', 'Positive'), level(0, 'negative', 'Negative')]

describe('an endpoint', () => {
  let endpoint: Endpoint
  afterEach(() => endpoint.close())

  async function labelerOf(rule: Rule, settings: object = {}): Promise<Labeler> {
    endpoint = await startEndpoint(rule)
    const parsed = parse(labelerSchema, { baseUrl: endpoint.baseUrl, model: 'judge', ...settings }, 'labeler')
    return endpointLabeler(parsed as Parameters<typeof endpointLabeler>[0])
  }
  /** Answers by what stands at the end of the prompt. */
  const byEnding =
    (table: Record<string, Record<string, number>>): Rule =>
    (prompt) =>
      table[Object.keys(table).find((ending) => prompt.endsWith(ending))!]!

  test('the probability of a level is that of all its spellings, with and without a space, among those of all', async () => {
    const labeler = await labelerOf(() => ({ positive: 0.3, ' Positive': 0.15, negative: 0.15, neutral: 0.4 }))
    const [answer] = await askLevels(labeler, [question], MOODS)
    expect(answer).toEqual({ probabilities: [expect.closeTo(0.75, 12), expect.closeTo(0.25, 12)] })
    const [reward] = await directRewards(labeler, [question], MOODS)
    expect(reward).toBeCloseTo(0.5, 12)
    expect(endpoint.prompts).toHaveLength(2)
  })

  test('upper and lower case count as listed', async () => {
    const labeler = await labelerOf(() => ({ GOOD: 0.6, good: 0.3, bad: 0.1 }))
    const [answer] = await askLevels(labeler, [question], [level(1, 'good'), level(0, 'bad')])
    expect(answer).toEqual({ probabilities: [expect.closeTo(0.75, 12), expect.closeTo(0.25, 12)] })
  })

  test('a missing level has the least returned probability as its bound; as a reward it is 0, like a missing digit', async () => {
    const labeler = await labelerOf(() => ({ positive: 0.9, maybe: 0.1 }))
    const [answer] = await askLevels(labeler, [question], MOODS)
    expect(answer).toEqual({ probabilities: [expect.closeTo(0.9, 12), expect.closeTo(0.1, 12)], bounded: true })
    expect(await directRewards(labeler, [question], MOODS)).toEqual([1])
  })

  test('the bounds of missing levels are at most what all that was returned leaves', async () => {
    const labeler = await labelerOf(() => ({ bad: 0.6, good: 0.38 }))
    const levels = [level(1, 'good'), level(0, 'bad'), level(0.5, 'fair'), level(0.7, 'decent')]
    const [answer] = await askLevels(labeler, [question], levels)
    const expected = [0.38, 0.6, 0.01, 0.01].map((p) => expect.closeTo(p, 12) as number)
    expect(answer).toEqual({ probabilities: expected, bounded: true })
  })

  test('none of the answers is a failure that names them and what came instead', async () => {
    const labeler = await labelerOf(() => ({ maybe: 1 }))
    const failed =
      'none of "positive", "Positive", "negative", "Negative" is among the returned tokens; ' +
      'the likeliest is "maybe" (P = 1.000)'
    expect(await askLevels(labeler, [question], MOODS)).toEqual([{ failed }])
    expect(await directRewards(labeler, [question], MOODS)).toEqual([{ failed }])
  })

  test('the beginning of a word counts for its level if no other begins so, in one question', async () => {
    const labeler = await labelerOf(() => ({ ' glo': 0.6, happy: 0.2, hap: 0.1, x: 0.1 }))
    const [answer] = await askLevels(labeler, [question], [level(1, 'happy'), level(0, 'gloomy')])
    // "hap" is no answer: the vocabulary has "happy" as a whole
    expect(answer).toEqual({ probabilities: [expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)] })
    expect(endpoint.prompts).toHaveLength(1)
  })

  test('a second question separates levels that share a beginning, a third those that share the next', async () => {
    const levels = [level(2, 'joyful'), level(1, 'joyless'), level(0, 'jolly')]
    const labeler = await labelerOf(
      byEnding({
        'Sentiment:': { ' jo': 0.8, x: 0.2 },
        'Sentiment: jo': { y: 0.5, lly: 0.4, z: 0.1 },
        'Sentiment: joy': { ful: 0.75, less: 0.25 },
      }),
    )
    const [answer] = await askLevels(labeler, [question], levels)
    const [joyful, joyless, jolly] = [0.8 * 0.5 * 0.75, 0.8 * 0.5 * 0.25, 0.8 * 0.4]
    const total = joyful + joyless + jolly
    expect(answer).toEqual({ probabilities: [joyful, joyless, jolly].map((p) => expect.closeTo(p / total, 12)) })
    expect(endpoint.prompts).toHaveLength(3)
  })

  test('a word that is the beginning of another is divided between the two', async () => {
    const labeler = await labelerOf(
      byEnding({ 'Sentiment:': { joy: 0.6, sad: 0.4 }, 'Sentiment: joy': { less: 0.25, ' and': 0.75 } }),
    )
    const [answer] = await askLevels(labeler, [question], [level(1, 'joy'), level(0, 'joyless', 'sad')])
    expect(answer).toEqual({ probabilities: [expect.closeTo(0.45, 12), expect.closeTo(0.55, 12)] })
  })

  test('digits are asked for as before: "0" after "1", in the same two requests', async () => {
    const digits = { text: 'Rate it.', ending: 'SCORE: ' }
    const labeler = await labelerOf(byEnding({ 'SCORE: ': { '1': 0.5, '5': 0.5 }, 'SCORE: 1': { '0': 0.8, ' ': 0.2 } }))
    const asked: unknown[] = []
    const ask: Labeler['ask'] = (questions, options) => (
      asked.push([questions, options]),
      labeler.ask(questions, options)
    )
    const [reward] = await directRewards({ ...labeler, ask }, [digits])
    expect(reward).toBeCloseTo((0.5 * 0.8 * 10 + 0.5 * 0.2 * 1 + 0.5 * 5 - 5.5) / 4.5, 12)
    const options = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']
    expect(asked).toEqual([
      [[digits], options],
      [[{ ...digits, ending: 'SCORE: 1' }], ['0']],
    ])
  })

  test('the ten scores of a vocabulary that splits digits, as probabilities', async () => {
    const digits = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i + 1}`, i === 0 ? 0.2 : 0.1]))
    const labeler = await labelerOf(byEnding({ 'SCORE: ': digits, 'SCORE: 1': { '0': 0.75, ' ': 0.25 } }))
    const [answer] = await askLevels(labeler, [{ text: 'Rate it.', ending: 'SCORE: ' }], DIGITS)
    const expected = [0.05, ...Array.from({ length: 8 }, () => 0.1), 0.15]
    expect(answer).toEqual({ probabilities: expected.map((p) => expect.closeTo(p, 12)) })
  })

  test('counted answers are whole words in any spelling; a longer word is no answer, and words are not cut', async () => {
    const texts = ['positive.', ' Positive', '"negative"', 'positively so', 'pos']
    const labeler = await labelerOf((_, { seed }) => texts[seed as number]!, { countedAnswers: 5 })
    const [answer] = await askLevels(labeler, [question], MOODS)
    expect(answer).toEqual({ probabilities: [expect.closeTo(2 / 3, 12), expect.closeTo(1 / 3, 12)], counted: 5 })
    expect(endpoint.bodies[0]).toMatchObject({ max_tokens: 9 }) // a space and eight letters
  })

  test('words of any script are counted; digits are sampled with as many tokens as before', async () => {
    const texts = ['größer', 'größe', 'klein', 'groß']
    const labeler = await labelerOf((_, { seed }) => texts[seed as number]!, { countedAnswers: 4 })
    const [answer] = await askLevels(labeler, [question], [level(1, 'größer', 'groß'), level(0, 'klein')])
    expect(answer).toMatchObject({ probabilities: [expect.closeTo(2 / 3, 12), expect.closeTo(1 / 3, 12)] })
    await labeler.ask([question], ['1', '2']).catch(() => undefined)
    expect(endpoint.bodies.at(-1)).toMatchObject({ max_tokens: 3 })
  })

  test('a verdict in words is asked once and shows the response alone', async () => {
    const labeler = await labelerOf((prompt) =>
      prompt.includes('sunny')
        ? { ' happy': 0.5, ' good': 0.25, ' sad': 0.25 }
        : { ' angry': 0.5, ' bad': 0.3, happy: 0.2 },
    )
    const progress: number[] = []
    const responses = ['A sunny day.', 'A grey day.'].map((response) => ({ context: 'Write about a day.', response }))
    const good = await judgeAlone(labeler, task.verdict!, responses, (done) => progress.push(done))
    expect(good).toEqual([expect.closeTo(0.75, 12), expect.closeTo(0.2, 12)])
    expect(progress).toEqual([1, 2])
    expect(endpoint.prompts).toHaveLength(2)
    expect(endpoint.prompts.join()).not.toContain('Write about a day.')
    expect(endpoint.prompts[0]).toMatch(/^How does the writer .*\n\nText: A sunny day\.\n\nThe writer feels$/s)
  })
})

test('the smallest value becomes -1 and the largest 1, in whatever order they are listed', () => {
  const { rewardOf, scoreOf } = rewardScale([level(3, 'fine'), level(-1, 'bad'), level(0, 'fair')])
  expect([3, 1, 0, -1].map(rewardOf)).toEqual([1, 0, -0.5, -1])
  expect([1, 0, -1].map(scoreOf)).toEqual([3, 1, -1])
})

describe('the default model', () => {
  const { model, tokenizer } = loadModelAndTokenizer(defaultModelFolder())
  const labeler = localLabeler('SmolLM2', 'x', { model, tokenizer } as Parameters<typeof localLabeler>[2])
  const asked = (text: string) => scoreQuestion(task, 'not shown', text)
  /** P of single tokens after the ending, straight from the model. */
  async function probabilities({ text }: Question, ending: string, tokens: readonly string[]): Promise<number[]> {
    const ids = tokens.map((token) => tokenizer.encode(token))
    expect(ids.map(({ length }) => length)).toEqual(tokens.map(() => 1))
    const prompt = tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: text }]) + ending)
    const [logProbs] = await nextTokenLogProbs(model, [prompt], ids.flat())
    return logProbs!.map(Math.exp)
  }
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

  test('tells cheerful from gloomy sentences; its reward is P(positive) − P(negative)', async () => {
    const cheerful = ['She got the job and danced through the kitchen.', 'We laughed until the sun came up.']
    const gloomy = ['She lost the job and sat in the dark kitchen.', 'The funeral was on a rainy Monday.']
    const questions = [...cheerful, ...gloomy].map(asked)
    const rewards = (await directRewards(labeler, questions, scoreLevels(task))) as number[]
    expect(Math.min(...rewards.slice(0, 2))).toBeGreaterThan(Math.max(...rewards.slice(2)))
    const spelled = ['positive', ' positive', 'Positive', ' Positive', 'negative', ' negative', 'Negative', ' Negative']
    const p = await probabilities(questions[0]!, 'Sentiment:', spelled)
    const [positive, negative] = [sum(p.slice(0, 4)), sum(p.slice(4))]
    expect(rewards[0]).toBeCloseTo((positive - negative) / (positive + negative), 5)
  })

  test('a space at the end of the ending changes nothing: words are joined to it', async () => {
    const one = asked('The soup was hot, and everyone asked for more.')
    const both = [one, { ...one, ending: `${one.ending} ` }]
    const [without, withSpace] = await directRewards(labeler, both, scoreLevels(task))
    expect(withSpace).toBeCloseTo(without as number, 5)
  })

  test('words that its vocabulary splits are told apart by their tokens: j|ub|ilant and j|ubilee', async () => {
    const one = asked('She got the job.')
    const [answer] = await askLevels(labeler, [one], [level(1, 'jubilant'), level(0, 'jubilee'), level(-1, 'gleeful')])
    const [j, spaceJ, g, gle] = await probabilities(one, 'Sentiment:', ['j', ' j', 'g', ' gle'])
    const [ub, ubilee] = await probabilities(one, 'Sentiment: j', ['ub', 'ubilee'])
    expect([j, spaceJ, g, gle, ub, ubilee].every((p) => p! > 0)).toBe(true)
    const { probabilities: got } = answer as { probabilities: number[] }
    expect(got[0]! / got[1]!).toBeCloseTo(ub! / ubilee!, 3)
    // a first token counts with and without the space before it: those of "gleeful" are "g" and " gle"
    const [spaceG] = await probabilities(one, 'Sentiment:', [' g'])
    expect(got[2]! / got[1]!).toBeCloseTo((g! + spaceG! + gle!) / ((j! + spaceJ!) * ubilee!), 3)
  })
})
