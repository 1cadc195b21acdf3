// The pipeline as a workflow. Real server and workflows; the stages are fakes that do nothing.
import type { AlignResult } from '../../src/contracts/status'
import { fakes, record } from './fakes'
import { openPlainServer, type WorkflowServer } from './server'

jest.setTimeout(60_000)

let server: WorkflowServer
beforeAll(async () => {
  server = await openPlainServer()
})
afterAll(() => server.close())

test('untilStage ends the run after that stage, with a report and the cost of its own stages', async () => {
  const { asked, activities } = fakes(undefined, { cost: 0.5 })
  await server.withWorker(
    {
      ...activities,
      label: async (input: Record<string, unknown>) => ({ ...(await activities.label!(input)), reused: true }),
    },
    async () => {
      const handle = await server.start('align', { untilStage: 'reward-model' }, 'until')
      const result = (await handle.result()) as AlignResult
      expect(asked.map(({ stage }) => stage)).toEqual([
        'model',
        'data',
        'sft',
        'sample',
        'label',
        'reward-model',
        'report',
      ])
      expect(result.policy).toEqual(result.stages.sft)
      expect(result.spent).toBe(3) // one of the seven stages was already in the store
      await record(handle, 'align-until-reward-model')
    },
  )
})

test.each([
  [
    { method: 'direct-rlaif', untilStage: 'reward-model' },
    /"untilStage" got "reward-model", which is no stage of method "direct-rlaif"/,
  ],
  [{ untilStage: 'rl' }, /field "untilStage" got "rl"/],
  [
    { method: 'dpo', engine: { ray: { address: 'local' } } },
    /field "method" is "dpo", which has no trainer on Ray: that of TRL takes no soft labels/,
  ],
])('an input with a stage that the run does not have is refused: %j', async (input, message) => {
  const { activities } = fakes()
  await server.withWorker(activities, async () => {
    const handle = await server.start('align', input, `bad-${JSON.stringify(input).length}`)
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: expect.stringMatching(message) } })
  })
})

test('variables of the chat template go to the policy; a labeler has its own', async () => {
  const { asked, activities } = fakes()
  await server.withWorker(activities, async () => {
    const template = { date: '2026-11-09', enable_thinking: false }
    const labeler = { model: 'default', template: { enable_thinking: true } }
    await (await server.start('align', { template, labeler, untilStage: 'reward-model' }, 'template')).result()
    const inputs = (name: string) => asked.filter(({ stage }) => stage === name).map(({ input }) => input)
    expect(inputs('model').map((input) => input.template)).toEqual([template, undefined])
    expect(inputs('label')[0]).toMatchObject({ labeler: { settings: labeler } })

    const policy = { uri: `file:///store/sft/${'1'.repeat(32)}`, sha256: '1'.repeat(64), bytes: 1, summary: {} }
    asked.length = 0
    await (await server.start('sample', { policy, template }, 'template-sample')).result()
    expect(inputs('model')).toMatchObject([{ from: policy, template }])
  })
})

test('the precision of a run reaches the settings of its stages; without it no stage has one in its input', async () => {
  const { asked, activities } = fakes()
  await server.withWorker(activities, async () => {
    await (await server.start('align', { method: 'rlaif' }, 'no-precision')).result()
    expect(asked.filter(({ stage }) => stage === 'rl')).toHaveLength(1)
    expect(JSON.stringify(asked.map(({ input }) => input))).not.toContain('precision')

    asked.length = 0
    const input = { method: 'rlaif', precision: 'bfloat16', rl: { precision: 'float32' } }
    await (await server.start('align', input, 'precision')).result()
    const named = (name: string) =>
      asked.flatMap(({ stage, input: { settings, judge, labeler } }) => {
        const group = stage === 'label' || stage === 'choose' ? ((labeler ?? judge) as Inner).settings : settings
        return stage === name ? [(group as { precision?: string }).precision] : []
      })
    expect(['sft', 'sample', 'label', 'reward-model', 'rl', 'choose', 'evaluate'].map(named)).toEqual([
      ['bfloat16'],
      ['bfloat16'],
      ['bfloat16'],
      ['bfloat16'],
      ['float32'],
      ['bfloat16'],
      ['bfloat16'],
    ])
    const { input: evaluation } = asked.find(({ stage }) => stage === 'evaluate')!
    expect(evaluation).toMatchObject({ judge: { settings: { precision: 'bfloat16' } } })
  })
})
interface Inner {
  settings: object
}

test('a jury, a rubric and revisions: which stages run, and what they are given', async () => {
  const { asked, activities } = fakes()
  const endpoint = { baseUrl: 'http://127.0.0.1:9/v1', model: 'big' }
  await server.withWorker(activities, async () => {
    const labeler = { jury: ['policy', endpoint, { model: 'default', comparison: 'pointwise', score: 'rubric' }] }
    const input = { task: 'helpful', labeler, revise: { rounds: 2 }, method: 'rlaif' }
    const handle = await server.start('align', input, 'jury')
    const result = (await handle.result()) as AlignResult
    expect(asked.map(({ stage }) => stage)).toEqual([
      ...['model', 'data', 'guidance', 'revise', 'sft', 'sample', 'label', 'reward-model'],
      ...['rl', 'choose', 'evaluate', 'report'],
    ])
    const inputOf = (name: string) => asked.find(({ stage }) => stage === name)!.input
    const { model, revise, sft } = result.stages
    expect(inputOf('revise')).toMatchObject({
      policy: model,
      labeler: { settings: { model: 'policy' }, model },
      settings: { rounds: 2 },
      guidance: { uri: expect.stringContaining('/guidance/') },
    })
    expect(inputOf('revise').settings).not.toHaveProperty('labeler')
    expect(inputOf('sft')).toMatchObject({ data: revise })
    expect(inputOf('sample')).toMatchObject({ data: result.stages.data })
    expect(inputOf('label')).toMatchObject({
      labeler: { models: [sft, null, model], guidance: { uri: expect.stringContaining('/guidance/') } },
    })
    await record(handle, 'align-jury-revise')
  })
})
