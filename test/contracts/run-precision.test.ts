import { armsOf, compareSchema, type CompareInput } from '../../src/contracts/compare-input'
import { parse } from '../../src/contracts/parse'
import { withRunPrecision } from '../../src/contracts/run-precision'
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import { trialsOf } from '../../src/contracts/sweep-trials'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'

const align = (input: object) => parse(workflowSchemas.align, input, 'align')
const GROUPS = ['sft', 'sample', 'rewardModel', 'dpo', 'onlineDpo', 'rl', 'evaluate', 'labeler', 'judge'] as const
const precisions = (input: object) => {
  const settings = withRunPrecision(align(input))
  return GROUPS.map((group) => (settings[group] as { precision?: string }).precision)
}
const [half, full] = ['bfloat16', 'float32'] as const

test('the precision of a run holds for every group that computes with a model', () => {
  expect(precisions({ precision: half })).toEqual(GROUPS.map(() => half))
  expect(precisions({ precision: full })).toEqual(GROUPS.map(() => full))
})

test('a group that names its own keeps it', () => {
  const own = { rl: { precision: full }, judge: { model: 'default', precision: full } }
  expect(precisions({ precision: half, ...own })).toEqual([half, half, half, half, half, full, half, half, full])
  expect(precisions({ sample: { precision: half } })).toEqual([undefined, half, ...new Array<undefined>(7)])
})

test('an endpoint gets none, and may name none', () => {
  const endpoint = { baseUrl: 'http://127.0.0.1:1/v1', model: 'served' }
  expect(precisions({ precision: half, labeler: endpoint, judge: endpoint }).slice(-2)).toEqual([undefined, undefined])
  expect(withRunPrecision(align({ precision: half, labeler: endpoint })).labeler).not.toHaveProperty('precision')
  expect(() => align({ labeler: { ...endpoint, precision: half } })).toThrow(/precision/)
})

test('on Ray, which has a precision of its own, only the labeler and the judge get it', () => {
  const engine = { ray: { address: 'http://head:8265' } }
  expect(precisions({ precision: half, engine, rl: { algorithm: 'rloo' } })).toEqual([
    ...new Array<undefined>(7),
    half,
    half,
  ])
})

test('without it no field is added anywhere, so that keys of stages stay those of earlier versions', () => {
  const settings = align({})
  expect(withRunPrecision(settings)).toBe(settings)
  expect(JSON.stringify(settings)).not.toContain('precision')
})

test('an unknown precision is refused, with those that there are', () => {
  expect(() => align({ precision: 'float16' })).toThrow(/field "precision" got "float16".*"float32"\|?.*"bfloat16"/s)
})

test('arms of a comparison and trials of a sweep pass it on to their runs', () => {
  const input = { arms: ['sft', { name: 'exact', input: { precision: full } }], base: { precision: half } }
  const arms = armsOf(parse(compareSchema, input, 'compare') as CompareInput)
  expect(arms.map((arm) => withRunPrecision(arm.input).rl.precision)).toEqual([half, full])

  const sweep = { base: { precision: half }, axes: [{ field: 'rl.precision', values: [half, full] }] }
  const trials = trialsOf(parse(sweepSchema, sweep, 'sweep') as SweepInput)
  const settings = trials.map((trial) => withRunPrecision(align(trial.input as object)))
  expect(settings.map(({ sft, rl }) => [sft.precision, rl.precision])).toEqual([
    [half, half],
    [half, full],
  ])
  const overRuns = { axes: [{ field: 'precision', values: [half, full] }] }
  const runs = trialsOf(parse(sweepSchema, overRuns, 'sweep') as SweepInput)
  expect(runs.map(({ input }) => (input as { precision: string }).precision)).toEqual([half, full])
})
