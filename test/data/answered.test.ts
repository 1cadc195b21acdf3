// Responses are paired with what they were given for, in whatever form a file has them; other rows are dropped by reason.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '../../src/contracts/parse'
import { dataSchema } from '../../src/contracts/settings'
import { readDataset } from '../../src/data/dataset'
import { readTask, taskFolder } from '../../src/data/task'
import { temporaryFolder } from '../tiny-folder'

const folder = temporaryFolder()
let files = 0
async function read(rows: object[], { task = 'helpful', format = 'auto' } = {}) {
  const path = join(folder, `${files++}.jsonl`)
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'))
  const dataset = await readDataset(parse(dataSchema, { path, format }, 'data'), readTask(taskFolder(task)), {
    seed: 1,
    promptTokens: 1e6,
    tokensOf: () => 1,
  })
  const byContext = [...dataset.train, ...dataset.evaluation].sort((a, b) => a.context.localeCompare(b.context))
  return { rows: byContext, dropped: dataset.dropped }
}
const user = (content: string) => ({ role: 'user', content })
const assistant = (content: string) => ({ role: 'assistant', content })
const system = (content: string) => ({ role: 'system', content })
const better = ({ pairs: [pair] = [] }: Awaited<ReturnType<typeof read>>['rows'][number]) =>
  pair!.responses[pair!.preferred - 1]

/** A first question with its answer, and a second question. */
const opening = (i: number) => [user(`First ${i}?`), assistant('An answer.'), user('Second?')]
const two = <T>(rowOf: (i: number) => T) => [0, 1].map(rowOf)
const contexts = ['Human: First 0?', 'Human: First 1?'].map(
  (first) => `${first}\nAssistant: An answer.\nHuman: Second?`,
)

test.each<[string, (i: number) => object]>([
  [
    'next to a prompt as a text',
    (i) => ({
      prompt: `First ${i}?`,
      chosen: [...opening(i), assistant('Good')],
      rejected: [...opening(i), assistant('Bad')],
    }),
  ],
  [
    'next to its last question',
    (i) => ({
      prompt: 'Second?',
      chosen: [...opening(i), assistant('Good')],
      rejected: [...opening(i), assistant('Bad')],
    }),
  ],
  [
    'without a prompt',
    (i) => ({ chosen: [...opening(i), assistant('Good')], rejected: [...opening(i), assistant('Bad')] }),
  ],
  [
    'next to the same turns as the prompt',
    (i) => ({
      prompt: opening(i),
      chosen: [...opening(i), assistant('Good')],
      rejected: [...opening(i), assistant('Bad')],
    }),
  ],
  [
    'that goes on from the prompt',
    (i) => ({
      prompt: `First ${i}?`,
      chosen: [assistant('An answer.'), user('Second?'), assistant('Good')],
      rejected: [assistant('An answer.'), user('Second?'), assistant('Bad')],
    }),
  ],
  ['after a prompt of all its turns', (i) => ({ prompt: opening(i), chosen: 'Good', rejected: [assistant('Bad')] })],
  [
    'as a transcript, next to its beginning',
    (i) => {
      const transcript = (answer: string) =>
        `\n\nHuman: First ${i}?\n\nAssistant: An answer.\n\nHuman: Second?\n\nAssistant: ${answer}`
      return { prompt: `\n\nHuman: First ${i}?\n\nAssistant:`, chosen: transcript('Good'), rejected: transcript('Bad') }
    },
  ],
  [
    'as a prompt that is a transcript',
    (i) => ({
      prompt: `\n\nHuman: First ${i}?\n\nAssistant: An answer.\n\nHuman: Second?\n\nAssistant:`,
      chosen: ' Good',
      rejected: ' Bad',
    }),
  ],
])('a conversation %s is the context up to its last turn', async (_, rowOf) => {
  const { rows, dropped } = await read(two(rowOf))
  expect(dropped).toEqual({})
  expect(rows.map(({ context }) => context)).toEqual(contexts)
  expect(rows.map(({ messages }) => messages)).toEqual(two(opening))
  expect(rows.map(better)).toEqual(['Good', 'Good'])
})

test.each<[string, (i: number) => object]>([
  ['next to its first question', (i) => ({ prompt: `First ${i}?`, completion: [...opening(i), assistant('Good')] })],
  [
    'that goes on from the prompt',
    (i) => ({ prompt: opening(i).slice(0, 1), completion: [...opening(i).slice(1), assistant('Good')] }),
  ],
  ['of messages that end with the assistant', (i) => ({ messages: [...opening(i), assistant('Good')] })],
])('the reference of a conversation %s is its last turn', async (_, rowOf) => {
  const { rows, dropped } = await read(two(rowOf))
  expect(dropped).toEqual({})
  expect(rows.map(({ context, reference }) => [context, reference])).toEqual(contexts.map((one) => [one, 'Good']))
})

test('a conversation that begins with a greeting of the assistant is a whole one', async () => {
  const greeted = (i: number) => [assistant('Hello.'), user(`First ${i}?`)]
  const contextOf = (i: number) => `Assistant: Hello.\nHuman: First ${i}?`
  const conversations = await read(two((i) => ({ messages: [...greeted(i), assistant('Good')] })))
  const pairs = await read(
    two((i) => ({ chosen: [...greeted(i), assistant('Good')], rejected: [...greeted(i), assistant('Bad')] })),
  )
  for (const { rows, dropped } of [conversations, pairs])
    expect([rows.map(({ context }) => context), dropped]).toEqual([two(contextOf), {}])
})

test('a system turn before the prompt is part of the context; a single question keeps the instruction of the task', async () => {
  const rowOf = (i: number, before: object[]) => ({
    prompt: `First ${i}?`,
    chosen: [...before, user(`First ${i}?`), assistant('Good')],
    rejected: [...before, user(`First ${i}?`), assistant('Bad')],
  })
  const withSystem = await read(two((i) => rowOf(i, [system('Be brief.')])))
  expect(withSystem.rows.map(({ context }) => context)).toEqual(two((i) => `System: Be brief.\nHuman: First ${i}?`))
  const { instruction } = readTask(taskFolder('summarization'))
  const single = await read(
    two((i) => rowOf(i, [])),
    { task: 'summarization' },
  )
  expect(single.rows.map(({ messages, context }) => [messages[0]!.content, context])).toEqual(
    two((i) => [`${instruction}\n\nFirst ${i}?`, `First ${i}?`]),
  )
})

const usable = two((i) => ({ prompt: `First ${i}?`, chosen: 'Good', rejected: 'Bad' }))
const ended = (turns: object[], answer = 'Good') => [...turns, assistant(answer)]

test.each<[string, object, string]>([
  [
    'a conversation that begins with another question',
    { prompt: 'Another?', chosen: ended(opening(2)), rejected: ended(opening(2), 'Bad') },
    'the conversation does not begin with the prompt',
  ],
  [
    'a conversation that lacks the system turn of the prompt',
    { prompt: [system('Be brief.'), user('First 2?')], chosen: ended(opening(2)), rejected: ended(opening(2), 'Bad') },
    'the conversation does not begin with the prompt',
  ],
  [
    'a conversation that is shorter than the prompt',
    { prompt: opening(2), chosen: ended([user('First 2?')]), rejected: ended([user('First 2?')], 'Bad') },
    'the conversation does not begin with the prompt',
  ],
  [
    'conversations that differ before the last turn',
    {
      prompt: 'First 2?',
      chosen: ended(opening(2)),
      rejected: ended([user('First 2?'), assistant('Another answer.'), user('Second?')], 'Bad'),
    },
    'chosen and rejected differ before the last turn',
  ],
  [
    'conversations of which one goes on longer',
    { prompt: 'First 2?', chosen: ended(opening(2)), rejected: ended([user('First 2?')], 'Bad') },
    'chosen and rejected differ before the last turn',
  ],
  [
    'a conversation that ends with a system turn',
    { prompt: 'First 2?', chosen: [...ended(opening(2)), system('End.')], rejected: ended(opening(2), 'Bad') },
    'not a conversation that ends with the assistant',
  ],
  [
    'a completion that is the next question',
    { prompt: 'First 2?', completion: [assistant('An answer.'), user('Second?')] },
    'not a conversation that ends with the assistant',
  ],
  [
    'a response to an answer',
    { prompt: ended(opening(2)), chosen: 'Good', rejected: 'Bad' },
    "the last turn before the response is not the person's",
  ],
  ['responses to nothing', { chosen: 'Good', rejected: 'Bad' }, 'no prompt, and no conversation that holds it'],
])('%s is dropped by reason', async (_, row, reason) => {
  const { rows, dropped } = await read([...usable, row])
  expect(rows).toHaveLength(2)
  expect(dropped).toEqual({ [reason]: 1 })
})

test('transcripts that only look alike when they are joined differ before the last turn', async () => {
  const row = (question: string, answer: string) => `\n\nHuman: ${question}\n\nAssistant: ${answer}`
  const rows = two((i) => ({ chosen: row(`${i}?`, 'Good'), rejected: row(`${i}?`, 'Bad') }))
  const looksAlike = {
    chosen: row('A?\nAssistant: B.\nHuman: C?', 'Good'),
    rejected: '\n\nHuman: A?\n\nAssistant: B.\n\nHuman: C?\n\nAssistant: Bad',
  }
  expect((await read([...rows, looksAlike])).dropped).toEqual({ 'chosen and rejected differ before the last turn': 1 })
})

test('summaries of a post that the file lacks are dropped', async () => {
  const row = (i: number, post: string | null) => ({
    info: { id: `${i}`, post, title: 'T', subreddit: 's' },
    summaries: [{ text: 'one' }, { text: 'two' }],
    choice: 0,
  })
  const { dropped } = await read([row(1, 'A post'), row(2, 'Another'), row(3, ' '), row(4, null)], {
    task: 'summarization',
  })
  expect(dropped).toEqual({ 'empty prompt': 2 })
})
