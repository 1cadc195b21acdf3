// `comparison` of a labeler: which settings it refuses, and what is overlaid on what.
import { workflowJsonSchema } from '../../src/contracts/json-schema'
import { labelerSchema } from '../../src/contracts/labeler-settings'
import { techniqueSchema } from '../../src/contracts/technique-settings'
import { variantLabeler } from '../../src/contracts/label-study-input'
import { overlay } from '../../src/contracts/overlay'
import { parse } from '../../src/contracts/parse'
import { overridden } from '../../src/contracts/resolution'
import { stageSchemas } from '../../src/contracts/stages'
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import { trialsOf } from '../../src/contracts/sweep-trials'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'

const labeler = (given: unknown) => parse(labelerSchema, given, 'labeler')
const trials = (input: object) => trialsOf(parse(sweepSchema, input, 'sweep') as SweepInput)
const study = (input: object) => parse(workflowSchemas.labelStudy, input, 'labelStudy')

const OF_PAIRS = {
  preamble: 'base',
  exemplars: 0,
  chainOfThought: false,
  samples: 1,
  temperature: 0,
  topK: 40,
  rationaleTokens: 512,
  orders: 2,
}
const POINTWISE = { model: 'default', comparison: 'pointwise' }
const endpoint = { baseUrl: 'http://localhost:8000/v1', model: 'big' }

test('is pairwise by default, with the defaults of questions about pairs', () => {
  expect(labeler('default')).toMatchObject({ comparison: 'pairwise', labels: 'soft', ...OF_PAIRS })
  expect(parse(techniqueSchema, {}, 'technique')).toEqual({ comparison: 'pairwise', labels: 'soft', ...OF_PAIRS })
})

test.each([
  ['a local model', POINTWISE],
  ['an endpoint', { ...POINTWISE, ...endpoint }],
])('pointwise, %s has no settings of pairs, and stays the same when it is checked again', (_, given) => {
  const once = labeler({ ...given, labels: 'hard' })
  for (const field of Object.keys(OF_PAIRS)) expect(once).not.toHaveProperty(field)
  expect(labeler(once)).toEqual(once)
  expect(once).toMatchObject({ labels: 'hard' })
})

test.each(Object.entries(OF_PAIRS))(
  'pointwise with %s is refused by name, though it is the default',
  (field, value) => {
    for (const given of [POINTWISE, { ...POINTWISE, ...endpoint }])
      expect(() => labeler({ ...given, [field]: value })).toThrow(
        new RegExp(`field "${field}" got .*: has no meaning when "comparison" is "pointwise": .+; remove it`),
      )
    expect(() => parse(techniqueSchema, { comparison: 'pointwise', [field]: value }, 'technique')).toThrow(
      `field "${field}"`,
    )
  },
)

test('the schema and the settings page show the defaults, and require none of these fields', () => {
  interface Shown {
    properties?: Record<string, Shown>
    anyOf?: Shown[]
    default?: unknown
    required?: string[]
  }
  const { properties } = workflowJsonSchema('align') as unknown as Shown
  const [alone] = properties!.labeler!.anyOf! // the other is a jury of such
  const kinds = alone!.anyOf!
  expect(kinds).toHaveLength(2)
  for (const kind of kinds) {
    for (const [field, value] of Object.entries({ comparison: 'pairwise', ...OF_PAIRS }))
      expect(kind.properties![field]).toMatchObject({ default: value, description: expect.stringMatching(/\.$/) })
    expect(kind.required ?? []).not.toContain('orders')
  }
})

describe('what asks pointwise takes over no setting of pairs', () => {
  const asked = { chainOfThought: true, orders: 1, labels: 'hard' }

  test('over a preset or a base, while all else stays', () => {
    const low = { labeler: { ...endpoint, ...asked } }
    expect(overlay(low, { labeler: { comparison: 'pointwise' } })).toEqual({
      labeler: { ...endpoint, comparison: 'pointwise', labels: 'hard' },
    })
    expect(overlay(low, { labeler: POINTWISE })).toEqual({
      labeler: { ...endpoint, ...POINTWISE, labels: 'hard' },
    })
  })

  test('but a setting of pairs over a pointwise labeler is refused', () => {
    const merged = overlay({ labeler: POINTWISE }, { labeler: { orders: 1 } })
    expect(() => labeler(merged.labeler)).toThrow(/"orders" got 1: has no meaning/)
    expect(labeler(overlay(merged, { labeler: { comparison: 'pairwise' } }).labeler)).toMatchObject({ orders: 1 })
  })

  test('in the variants of a label study, whose own conflicts are refused at its start', () => {
    const variants = [{ name: 'alone', technique: { comparison: 'pointwise' } }, { name: 'pairs' }]
    const { labeler: base, variants: checked } = study({ labeler: { ...endpoint, ...asked }, variants })
    const [alone, pairs] = checked.map((variant) => labeler(variantLabeler(base, variant)))
    expect(alone).toEqual(labeler({ ...endpoint, comparison: 'pointwise', labels: 'hard' }))
    expect(pairs).toMatchObject({ comparison: 'pairwise', ...asked })

    const inOneOrder = { name: 'x', technique: { comparison: 'pointwise', orders: 1 } }
    expect(() => study({ variants: [inOneOrder] })).toThrow(/"variants.0.technique.orders" got 1: has no meaning/)
    expect(() => study({ labeler: POINTWISE, variants: [{ name: 'x', technique: { exemplars: 1 } }] })).toThrow(
      /"variants.0.technique.exemplars" got 1: has no meaning/,
    )
    const back = { name: 'x', technique: { comparison: 'pairwise', exemplars: 1 } }
    const pointwise = study({ labeler: POINTWISE, variants: [back] })
    expect(labeler(variantLabeler(pointwise.labeler, pointwise.variants[0]!))).toMatchObject({
      ...OF_PAIRS,
      exemplars: 1,
    })
  })

  test('in the trials of a sweep, unless the trial itself sets one', () => {
    const axis = { field: 'labeler.comparison', values: ['pairwise', 'pointwise'] }
    const [pairs, alone] = trials({ base: { labeler: { ...endpoint, ...asked } }, axes: [axis] }).map(
      ({ input }) => input.labeler,
    )
    expect(labeler(pairs)).toMatchObject({ comparison: 'pairwise', ...asked })
    expect(labeler(alone)).toEqual(labeler({ ...endpoint, comparison: 'pointwise', labels: 'hard' }))
    const orders = { field: 'labeler.orders', values: [1, 2] }
    for (const axes of [
      [axis, orders],
      [orders, axis],
    ])
      expect(() => trials({ axes })).toThrow(/"labeler.orders" got 1: has no meaning/)
  })

  test('when a person overrides the labeler of a parked stage', () => {
    const artifact = { uri: 'file:///store/data/1', sha256: '0'.repeat(64), bytes: 1, summary: { rows: 1 } }
    const input = { samples: artifact, data: artifact, labeler: { settings: { ...endpoint, ...asked } } }
    const parked = parse(stageSchemas.label, input, 'label')
    const { settings } = overridden('label', parked, { labeler: { comparison: 'pointwise' } }).labeler
    expect(settings).toEqual(labeler({ ...endpoint, comparison: 'pointwise', labels: 'hard' }))
  })
})
