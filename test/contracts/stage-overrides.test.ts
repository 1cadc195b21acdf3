// Whatever is said about a parked stage holds: its examples are taken as they are, fields by the names of a run's input.
import { checkResolution, overridden } from '../../src/contracts/resolution'
import { waysOn } from '../../src/contracts/stage-overrides'
import { stageSchemas, type StageInput, type StageName } from '../../src/contracts/stages'

const artifact = { uri: 'file:///store/x', sha256: '0'.repeat(64), bytes: 1, summary: {} }
const local = { settings: { model: 'default' }, model: artifact }
const endpoint = { settings: { baseUrl: 'http://127.0.0.1:9/v1', model: 'judge' } }
const link = { uri: artifact.uri, sha256: artifact.sha256 }

const inputs: { [N in StageName]: object[] } = {
  model: [{ spec: '/models/mine' }, { spec: artifact.uri, from: artifact }],
  data: [{ model: artifact }],
  guidance: [{ task: 'helpful' }],
  revise: [{ policy: artifact, data: artifact, guidance: artifact, labeler: endpoint, settings: {} }],
  sft: [
    { model: artifact, data: artifact },
    { model: artifact, data: artifact, engine: { ray: { address: 'local' } } },
  ],
  sample: [{ policy: artifact, data: artifact, shard: { index: 0, of: 2 } }],
  label: [local, endpoint].map((labeler) => ({ samples: artifact, data: artifact, labeler })),
  'human-labels': [{ data: artifact, model: artifact }],
  'reward-model': [{ policy: artifact, labels: [artifact], references: { data: artifact } }],
  dpo: [{ policy: artifact, labels: [artifact] }],
  'online-dpo': [local, endpoint].map((labeler) => ({ policy: artifact, data: artifact, labeler })),
  rl: [
    { policy: artifact, data: artifact, rewardModel: artifact },
    { policy: artifact, data: artifact, labeler: endpoint },
    { policy: artifact, data: artifact, rewardModel: artifact, watch: { ...endpoint, action: 'park' } },
  ],
  choose: [{ candidates: artifact, data: artifact, judge: local }],
  evaluate: [{ baseline: artifact, policy: artifact, data: artifact, judge: endpoint }],
  respond: [{ policy: artifact, data: artifact }],
  contest: [{ data: artifact, arms: [1, 2].map((n) => ({ name: `${n}`, responses: artifact })), judge: endpoint }].map(
    (input) => ({ ...input, agreementPairs: 0 }),
  ),
  comparison: [{ title: 't', settings: {}, contests: [artifact], arms: [] }],
  'rating-items': [{ contest: artifact, kind: 'rank', prompts: 5, checkEvery: 0 }],
  'human-results': [{ title: 't', settings: {}, items: artifact, kind: 'rank', raters: [], ratings: [] }],
  judge: [{ data: artifact, labeler: endpoint, pairs: 10 }],
  study: [{ title: 't', settings: {}, variants: [{ name: 'a', judged: artifact }] }],
  'sweep-report': [{ title: 't', settings: {}, ended: [], baseline: link }],
  claims: [
    { title: 't', settings: {}, seeds: [1], summaries: artifact, dialogues: artifact, labels: artifact }, // one more below
  ].map((input) => ({ ...input, rewardModels: artifact })),
  report: [{ title: 't', settings: {}, artifacts: [artifact] }],
}
const parkedStages = Object.entries(inputs).flatMap(([stage, given]) =>
  given.map((input) => ({
    stage: stage as StageName,
    input: stageSchemas[stage as StageName].parse(input) as StageInput<StageName>,
  })),
)

test.each(parkedStages)('$stage takes each example of overrides, and says what it takes', ({ stage, input }) => {
  const { examples, fields } = waysOn(stage, input, false)
  for (const overrides of examples) {
    const given = { action: 'retry', overrides }
    expect(checkResolution(given, { stage, input, canSkip: false })).toEqual(given)
    expect(overridden(stage, input, overrides)).not.toEqual(input)
    expect(fields).toContain(Object.keys(overrides)[0])
  }
  expect(fields).toContain('cache')
  expect(() => overridden(stage, input, { nonsense: 1 })).toThrow(
    new RegExp(`unknown field "nonsense".*\nStage ${stage} takes .*"cache"`, 's'),
  )
})

test.each<[StageName, object, (input: never) => unknown, unknown]>([
  ['model', { model: 'default' }, ({ spec }) => spec, 'default'],
  ['model', { spec: 'default' }, ({ spec }) => spec, 'default'],
  ['model', { labeler: 'default' }, ({ spec }) => spec, 'default'],
  ['model', { judge: { model: 'default' } }, ({ spec }) => spec, 'default'],
  ['sft', { sft: { epochs: 3 } }, ({ settings }) => (settings as { epochs: number }).epochs, 3],
  ['sft', { settings: { epochs: 3 } }, ({ settings }) => (settings as { epochs: number }).epochs, 3],
  ['sft', { precision: 'bfloat16' }, ({ settings }) => (settings as { precision: string }).precision, 'bfloat16'],
  ['sft', { engine: 'tfjs' }, ({ engine }) => engine, undefined],
  ['reward-model', { rewardModel: { epochs: 3 } }, ({ settings }) => (settings as { epochs: number }).epochs, 3],
  ['dpo', { dpo: { beta: 0.3 } }, ({ settings }) => (settings as { beta: number }).beta, 0.3],
  ['online-dpo', { onlineDpo: { beta: 0.3 } }, ({ settings }) => (settings as { beta: number }).beta, 0.3],
  ['rl', { rl: { steps: 3 } }, ({ settings }) => (settings as { steps: number }).steps, 3],
  ['label', { label: { maxFailedShare: 0.5 } }, ({ settings }) => (settings as never)['maxFailedShare'], 0.5],
  ['respond', { evaluate: { temperature: 0.5 } }, ({ temperature }) => temperature, 0.5],
  ['data', { data: '/data/rows.jsonl' }, ({ data }) => (data as { path: string }).path, '/data/rows.jsonl'],
])('%s takes %j, as the input of its run has it', (stage, overrides, read, value) => {
  const { input } = parkedStages.findLast((parked) => parked.stage === stage)!
  expect(read(overridden(stage, input, overrides as never) as never)).toEqual(value)
})

test('the stage that finds a labeler’s model takes no other labeler, and says what to do', () => {
  const { input } = parkedStages.find(({ stage }) => stage === 'model')!
  expect(() => overridden('model', input, { labeler: { baseUrl: 'http://127.0.0.1:9/v1' } })).toThrow(
    /field "labeler": this stage only finds the model of the labeler.*\nStage model takes "model"/,
  )
})
