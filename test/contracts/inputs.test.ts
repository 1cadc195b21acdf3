import { parse } from '../../src/contracts/parse'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'

const align = (input?: unknown) => parse(workflowSchemas.align, input, 'align')

test('no input, null and {} are the preset "small", with every default filled in', () => {
  expect(align()).toEqual(align({}))
  expect(align(null)).toEqual(align({}))
  expect(align()).toMatchObject({
    preset: 'small',
    method: 'rlaif',
    model: 'default',
    task: 'summarization',
    seed: 1,
    rl: { klWeight: 0.05, temperature: 0.9 },
  })
})

test('single fields override the defaults of a preset', () => {
  const input = align({ preset: 'paper', rl: { steps: 3 } })
  expect(input.rl).toMatchObject({ steps: 3, batchSize: 128, learningRate: 1e-5 })
})

test('the preset "quickstart" has sizes of its own for the way through a reward model and without one, and what is given wins', () => {
  const direct = align({ preset: 'quickstart' })
  const rlaif = align({ preset: 'quickstart', method: 'rlaif', rewardModel: { epochs: 3 } })
  expect(direct).toMatchObject({ method: 'direct-rlaif', rl: { algorithm: 'rloo' } })
  expect(direct.sample.responses).toBeUndefined()
  expect(direct.labeler).not.toHaveProperty('comparison', 'pointwise')
  expect(rlaif).toMatchObject({
    ...{ judge: direct.judge, data: direct.data, limits: direct.limits },
    rl: { ...direct.rl, learningRate: 5e-4, klWeight: 0.1 },
    sample: { responses: 16, pairs: 'extremes' },
    labeler: { model: 'policy', comparison: 'pointwise' },
    rewardModel: { head: 'fitted', epochs: 3 },
  })
  const [dpo, online] = ['dpo', 'online-dpo'].map((method) => align({ preset: 'quickstart', method }))
  expect(dpo).toMatchObject({
    sample: rlaif.sample,
    labeler: rlaif.labeler,
    dpo: { batchSize: 16, lora: { rank: 16 } },
  })
  const { steps, candidates, validateEvery } = direct.rl
  expect(online!.onlineDpo).toMatchObject({ steps, candidates, validateEvery, batchSize: direct.rl.batchSize / 2 })
  expect(align({ preset: 'quickstart', rl: { algorithm: 'grpo' } }).rl).toEqual({ ...direct.rl, algorithm: 'grpo' })
  const askedInPairs = { preset: 'quickstart', method: 'rlaif', labeler: { comparison: 'pairwise', orders: 1 } }
  expect(align(askedInPairs).labeler).toMatchObject({ comparison: 'pairwise', orders: 1 })
  expect(() => align({ preset: 'constructor', method: 'rlaif' })).toThrow(/field "preset" got "constructor"/)
})

test('short forms are expanded: a path for data, "default" for a labeler', () => {
  expect(align({ data: 'rows.jsonl' }).data).toMatchObject({ path: 'rows.jsonl', format: 'auto' })
  expect(align({ labeler: 'default' }).labeler).toMatchObject({ model: 'default', orders: 2, chainOfThought: false })
})

test('every bad field is listed with what it got and what was expected', () => {
  const bad = {
    metod: 'rlaif',
    seed: 'one',
    rl: { klWeight: 2, stepz: 1 },
    labeler: { baseUrl: 'ftp://x', model: 'm' },
  }
  let message = ''
  try {
    align(bad)
  } catch (error) {
    message = (error as Error).message
  }
  expect(message).toMatch(/unknown field "metod" \(got "rlaif"\)/)
  expect(message).toMatch(/field "seed" got "one": .*expected number/)
  expect(message).toMatch(/field "rl\.klWeight" got 2: /)
  expect(message).toMatch(/unknown field "rl\.stepz" \(got 1\)/)
  expect(message).toMatch(/field "labeler\.baseUrl" got "ftp:\/\/x"/)
})

test('a key instead of the name of an environment variable is refused', () => {
  expect(() => align({ labeler: { baseUrl: 'http://h/v1', model: 'm', apiKeyEnv: 'sk-abc' } })).toThrow(
    /apiKeyEnv.*NAME of an environment variable/,
  )
})

test.each([[[1, 2]], ['text'], [7]])('an input that is not an object is refused: %j', (input) => {
  expect(() => align(input)).toThrow(/the input got/)
})

test.each(['advantageScale', 'lossMean'])('%s is refused where the algorithm is not GRPO', (field) => {
  const value = field === 'lossMean' ? 'token' : 'none'
  const grpo = { algorithm: 'grpo', [field]: value }
  expect(align({ rl: grpo }).rl).toMatchObject(grpo)
  for (const algorithm of ['reinforce', 'rloo'])
    expect(() => align({ rl: { algorithm, [field]: value } })).toThrow(
      `field "rl.${field}" got "${value}": has no meaning unless "algorithm" is "grpo"; remove it`,
    )
  expect(() => align({ rl: { ...grpo, batchSize: 6 } })).toThrow(/"rl.batchSize" got 6: must be a multiple/)
})
