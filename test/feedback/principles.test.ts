// Principles in questions about pairs, and critique and revision by them, over real HTTP.
import { parse } from '../../src/contracts/parse'
import { labelerSchema, type EndpointSettings } from '../../src/contracts/labeler-settings'
import { readTask, taskFolder } from '../../src/data/task'
import { endpointLabeler } from '../../src/feedback/endpoint-labeler'
import { judgePairs } from '../../src/feedback/preference'
import type { PreferenceLabel } from '../../src/feedback/preference-label'
import { principleOf } from '../../src/feedback/principles'
import { principleOfRound, reviseResponses, type Revised } from '../../src/feedback/revision'
import { PLAIN, type Technique } from '../../src/feedback/technique'
import { startEndpoint, type Endpoint, type Rule } from './endpoint'

const harmless = readTask(taskFolder('harmless'))
const principles = ['P-zero', 'P-one', 'P-two']
const technique: Technique = { ...PLAIN, guidance: { principles } }
const pairs = Array.from({ length: 300 }, (_, i) => ({ context: `Human: ${i}`, first: `a ${i}`, second: `b ${i}` }))

let endpoint: Endpoint
afterEach(() => endpoint?.close())
async function labeler(rule: Rule) {
  endpoint = await startEndpoint(rule)
  const given = { baseUrl: endpoint.baseUrl, model: 'judge', retries: 0, concurrency: 1 }
  return endpointLabeler(parse(labelerSchema, given, 'labeler') as EndpointSettings)
}

const shownIn = (prompt: string) =>
  principles.findIndex((text) => prompt.includes(`Judge by this principle: ${text}\n`))

test('each pair shows one principle, drawn by the seed, the same in both orders and in any company', async () => {
  const asked = await labeler(() => ({ '1': 0.6, '2': 0.4 }))
  const some = pairs.slice(0, 20)
  const labels = (await judgePairs(asked, some, { task: harmless, technique, seed: 7 })) as PreferenceLabel[]
  const ofPair = (i: number) => endpoint.prompts.filter((prompt) => prompt.includes(`Human: ${i}\n`)).map(shownIn)
  some.forEach((pair, i) => {
    const drawn = principleOf(pair, principles.length, 7, 0)
    expect(ofPair(i)).toEqual([drawn, drawn])
    expect(labels[i]!.principles).toEqual([drawn])
  })
  const alone = (await judgePairs(asked, [some[11]!], { task: harmless, technique, seed: 7 })) as PreferenceLabel[]
  expect(alone[0]!.principles).toEqual(labels[11]!.principles)
})

test('the draw is even, and another seed draws others', () => {
  const drawn = (seed: number) => pairs.map((pair) => principleOf(pair, 3, seed, 0))
  const counts = [0, 1, 2].map((k) => drawn(1).filter((one) => one === k).length)
  counts.forEach((count) => expect(Math.abs(count - 100)).toBeLessThan(30))
  expect(drawn(1)).not.toEqual(drawn(2))
  expect(drawn(1)).toEqual(drawn(1))
})

test('each rationale draws a principle of its own', async () => {
  const asked = await labeler((prompt) => (prompt.endsWith('=') ? { '1': 0.6, '2': 0.4 } : 'Because.'))
  const cot: Technique = {
    ...technique,
    ...{ chainOfThought: true, samples: 4, temperature: 1, comparison: 'pairwise' },
  }
  const [label] = (await judgePairs(asked, [pairs[0]!], {
    task: harmless,
    technique: cot,
    seed: 1,
  })) as PreferenceLabel[]
  expect(label!.principles).toEqual([0, 1, 2, 3].map((sample) => principleOf(pairs[0]!, 3, 1, sample)))
})

test('without the setting the question is as it was', async () => {
  const asked = await labeler(() => ({ '1': 0.6, '2': 0.4 }))
  const [label] = await judgePairs(asked, [pairs[0]!], { task: harmless, technique: PLAIN, seed: 1 })
  expect(endpoint.prompts.join()).not.toContain('principle')
  expect(label).not.toHaveProperty('principles')
})

describe('critique and revision', () => {
  const responses = [0, 1].map((i) => ({ context: `Human: ask ${i}`, response: `answer ${i}` }))
  const revising = { principles, rounds: 2, temperature: 0, critiqueTokens: 20, revisionTokens: 30, seed: 3 }

  test('each round criticizes what the last one wrote, by a principle of its own, and rewrites it', async () => {
    let written = 0
    const asked = await labeler((prompt) => (prompt.endsWith('Critique:') ? `too ${++written}` : `better ${++written}`))
    const revised = (await reviseResponses(asked, responses, revising)) as Revised[]
    revised.forEach(({ text, rounds }, i) => {
      expect(rounds.map(({ principle }) => principle)).toEqual(
        [0, 1].map((round) => principleOfRound(`Human: ask ${i}`, 3, 3, round)),
      )
      expect(rounds.map(({ critique, revision }) => [critique, revision])).toEqual([
        [`too ${1 + i}`, `better ${3 + i}`],
        [`too ${5 + i}`, `better ${7 + i}`],
      ])
      expect(text).toBe(`better ${7 + i}`)
    })
    const [second] = endpoint.prompts.filter((prompt) => prompt.includes('better 3') && prompt.endsWith('Critique:'))
    expect(second).toContain(`Principle: ${principles[principleOfRound('Human: ask 0', 3, 3, 1)]}`)
    expect(endpoint.bodies.map((body) => body.max_tokens ?? body.max_completion_tokens)).toEqual([
      ...[20, 20, 30, 30],
      ...[20, 20, 30, 30],
    ])
  })

  test('a text that could not be written leaves the response without a revision, and the others as they are', async () => {
    const asked = await labeler((prompt) => (prompt.includes('ask 0') && prompt.endsWith('Revision:') ? '' : 'words'))
    const [first, second] = await reviseResponses(asked, responses, revising)
    expect(first).toMatchObject({ failed: expect.any(String) })
    expect(second).toMatchObject({ text: 'words' })
    expect(endpoint.prompts.filter((prompt) => prompt.includes('ask 0'))).toHaveLength(2)
  })
})
