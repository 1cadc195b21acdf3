// What a person sets changes that field and no other: over presets, bases and arms, in the long and in the short form.
import { workflowJsonSchema } from '../../src/contracts/json-schema'
import { armsOf } from '../../src/contracts/compare-input'
import { overlay } from '../../src/contracts/overlay'
import { parse } from '../../src/contracts/parse'
import { presets } from '../../src/contracts/presets'
import { overridden } from '../../src/contracts/resolution'
import { stageSchemas } from '../../src/contracts/stages'
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import { sweepPresets, type SweepPreset } from '../../src/contracts/sweep-presets'
import { trialsOf } from '../../src/contracts/sweep-trials'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'

type Fields = Record<string, unknown>
const align = (input: Fields): Fields => parse(workflowSchemas.align, input, 'align')
const arms = (input: Fields) => armsOf(parse(workflowSchemas.compare, input, 'compare')).map(({ input }) => input)
const trials = (input: Fields) => trialsOf(parse(sweepSchema, input, 'sweep') as SweepInput).map(({ input }) => input)

/** Every value of an input by its path; lists are values. */
function leaves(value: unknown, path = ''): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [path]: value }
  const parts = Object.entries(value).map(([name, part]) => leaves(part, path === '' ? name : `${path}.${name}`))
  return Object.assign({}, ...parts) as Fields
}
const nested = (path: string, value: unknown): Fields =>
  path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Fields
/** The paths whose values differ. */
const differences = (a: unknown, b: unknown): string[] => {
  const [left, right] = [leaves(a), leaves(b)]
  const paths = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...paths].filter((path) => JSON.stringify(left[path]) !== JSON.stringify(right[path])).sort()
}

/** Values for fields that have none by default, or of which few are valid. */
const VALUES: Record<string, unknown> = {
  'data.path': 'rows.jsonl',
  'data.limit': 7,
  'data.confidence': [9],
  'data.fields': { prompt: 'question' },
  'sample.source': 'data',
}
interface Schema {
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  anyOf?: Schema[]
  allOf?: Schema[]
}
const alternatives = (schema: Schema): Schema[] => [
  schema,
  ...[...(schema.anyOf ?? []), ...(schema.allOf ?? [])].flatMap(alternatives),
]
const partOf = (schema: Schema, name: string) =>
  alternatives(schema).flatMap(({ properties = {} }) => properties[name] ?? [])
/** The values of a field that has a list of them. */
const valuesOf = (path: string): unknown[] =>
  path
    .split('.')
    .reduce(
      (schemas, name) => schemas.flatMap((schema) => partOf(schema, name)),
      [workflowJsonSchema('align') as Schema],
    )
    .flatMap(alternatives)
    .flatMap((schema) => [...(schema.enum ?? []), ...('const' in schema ? [schema.const] : [])])
/** Another valid value for a field; undefined where a value depends on another, or is the name of the preset itself. */
function another(path: string, value: unknown): unknown {
  if (Object.hasOwn(VALUES, path)) return VALUES[path]
  if (/\.(samples|comparison)$|^preset$/.test(path)) return undefined
  const other = valuesOf(path).find((one) => one !== value)
  if (other !== undefined) return other
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number') return /orders$/.test(path) ? 1 : value === 1 ? 0.5 : value === 0 ? 1e-3 : value / 2
  return typeof value === 'string' ? 'other' : undefined
}
/** An integer where a fraction is refused. */
function accepted(preset: string, path: string, value: unknown): Fields {
  const given = (value: unknown) => {
    const role = /^(labeler|judge)\.(?!model)/.exec(path)?.[1]
    const who = role ? { [role]: { model: leaves(align({ preset }))[`${role}.model`] } } : {}
    return { preset, ...overlay(who, nested(path, value)) }
  }
  try {
    align(given(value))
    return given(value)
  } catch {
    return given(Math.ceil((value as number) + 1))
  }
}

describe.each(Object.keys(presets))('the preset %s', (preset) => {
  const before = align({ preset })
  const paths = Object.keys({ ...leaves(before), ...VALUES }).filter(
    (path) => another(path, leaves(before)[path]) !== undefined,
  )

  test('has eighty fields to set', () => expect(paths.length).toBeGreaterThan(80))

  test.each(paths)('keeps every other value when %s is set', (path) => {
    const after = align(accepted(preset, path, another(path, leaves(before)[path])))
    const changed = differences(before, after)
    expect(changed.length).toBeGreaterThan(0)
    expect(changed.filter((other) => other !== path && !other.startsWith(`${path}.`))).toEqual([])
  })

  test.each([
    ['data', 'rows.jsonl', 'data.path'],
    ['labeler', '/models/other', 'labeler.model'],
    ['judge', '/models/other', 'judge.model'],
  ])('keeps every other value when %s is given in short', (field, given, path) => {
    expect(differences(before, align({ preset, [field]: given }))).toEqual([path])
  })
})

test("the paper's preset evaluates 2,000 prompts of a file that is given by its path alone", () => {
  expect(align({ preset: 'paper', data: 'rows.jsonl' }).data).toMatchObject({
    path: 'rows.jsonl',
    evaluationPrompts: 2000,
  })
})

describe.each(Object.keys(sweepPresets) as SweepPreset[])('the study %s', (preset) => {
  const { workflow } = sweepPresets[preset].input
  const given = workflow === 'miniature' ? { cache: 'off' } : { data: 'rows.jsonl', limits: { responseTokens: 7 } }

  test('keeps its own values when its base gets others', () => {
    const before = trials({ preset })
    const after = trials({ preset, base: given })
    expect(after).toHaveLength(before.length)
    const expected = workflow === 'miniature' ? ['cache'] : ['data.path', 'limits.responseTokens']
    const schema = workflowSchemas[workflow as 'align']
    const checked = (input: unknown) => parse(schema, input, preset)
    after.forEach((input, i) => expect(differences(checked(before[i]), checked(input))).toEqual(expected))
  })
})

describe('the technique of a labeler', () => {
  const technique = { preamble: 'detailed', chainOfThought: true, orders: 1, labels: 'hard' }
  const endpoint = { baseUrl: 'http://localhost:8000/v1', model: 'big', apiKeyEnv: 'KEY', ...technique }

  test.each([
    ['a local labeler', { model: 'default', ...technique }],
    ['an endpoint', endpoint],
  ])('is the same in every arm of a comparison with %s', (_, labeler) => {
    const [rlaif, sameSize] = arms({ arms: ['rlaif', 'same-size'], base: { labeler } })
    expect(rlaif!.labeler).toMatchObject(labeler)
    expect(sameSize!.labeler).toMatchObject({ model: 'policy', ...technique })
    expect(sameSize!.labeler).not.toHaveProperty('baseUrl')
    expect(sameSize!.labeler).not.toHaveProperty('apiKeyEnv')
  })

  test('stays when a local labeler becomes an endpoint, and when only the model of an endpoint changes', () => {
    const other = { baseUrl: 'http://localhost:9000/v1', model: 'small' }
    const [toEndpoint] = arms({
      arms: [{ name: 'a', input: { labeler: other } }, 'sft'],
      base: { labeler: { model: 'default', ...technique } },
    })
    expect(toEndpoint!.labeler).toMatchObject({ ...other, ...technique })
    const [smaller] = arms({
      arms: [{ name: 'a', input: { labeler: { model: 'small' } } }, 'sft'],
      base: { labeler: endpoint },
    })
    expect(smaller!.labeler).toMatchObject({ ...endpoint, model: 'small' })
  })

  test('stays over an axis of labelers, and when a person overrides the labeler of a parked stage', () => {
    const sweep = { base: { labeler: endpoint }, axes: [{ field: 'labeler', values: ['default', { model: 'small' }] }] }
    const [local, smaller] = trials(sweep).map((input) => align(input).labeler)
    expect(local).toMatchObject({ model: 'default', ...technique })
    expect(local).not.toHaveProperty('baseUrl')
    expect(smaller).toMatchObject({ ...endpoint, model: 'small' })

    const artifact = { uri: 'file:///store/data/1', sha256: '0'.repeat(64), bytes: 1, summary: { rows: 1 } }
    const input = { samples: artifact, data: artifact, labeler: { settings: endpoint } }
    const parked = parse(stageSchemas.label, input, 'label')
    expect(overridden('label', parked, { labeler: 'default' }).labeler.settings).toMatchObject(technique)
    const price = { inputPerMillion: 1, outputPerMillion: 2 }
    const priced = overridden('label', parked, { labeler: { price } })
    const repriced = overridden('label', priced, { labeler: { price: { inputPerMillion: 3 } } })
    expect(repriced.labeler.settings).toMatchObject({ price: { inputPerMillion: 3, outputPerMillion: 2 } })
    const { summary: _, ...moved } = { ...artifact, uri: 'file:///store/data/2' }
    expect(overridden('label', parked, { data: { ...moved, summary: {} } }).data.summary).toEqual({})
  })

  test('of a label study stays where a variant says nothing of it, as do longer prompts', () => {
    const study = parse(
      workflowSchemas.labelStudy,
      { limits: { responseTokens: 7 }, variants: [{ name: 'one', technique: { orders: 1 } }, { name: 'plain' }] },
      'labelStudy',
    )
    expect(study.variants.map(({ technique }) => technique)).toEqual([{ orders: 1 }, {}])
    expect(study.limits).toEqual({ promptTokens: 1024, responseTokens: 7 })
    const [base] = parse(workflowSchemas.labelStudy, {}, 'labelStudy').variants
    expect(base!.technique).toEqual({ preamble: 'base', exemplars: 0, chainOfThought: false })
  })
})

describe('a comparison', () => {
  test('overlays arms on the base, and the base on its own fields, at every depth', () => {
    const lora = { rank: 4, alpha: 8 }
    const [first, second] = arms({
      judge: { model: 'default', preamble: 'detailed' },
      cache: 'off',
      arms: [
        'rlaif',
        { name: 'deep', input: { rl: { lora: { alpha: 16 } }, data: 'other.jsonl', judge: { orders: 1 } } },
      ],
      base: { data: { path: 'rows.jsonl', limit: 5 }, rl: { steps: 3, lora }, onFailure: 'fail' },
    })
    expect(first).toMatchObject({ judge: { preamble: 'detailed', orders: 2 }, cache: 'off', onFailure: 'fail' })
    expect(second!.judge).toMatchObject({ preamble: 'detailed', orders: 1 })
    expect(second!.rl).toMatchObject({ steps: 3, lora: { rank: 4, alpha: 16 } })
    expect(second!.data).toMatchObject({ path: 'other.jsonl', limit: 5 })
  })

  test('takes a single seed, and refuses one that its arms would not get', () => {
    expect(arms({ seed: 7 }).map(({ seed }) => seed)).toEqual([7, 7, 7, 7, 7])
    expect(arms({ seed: 7, seeds: [1], arms: ['sft', 'rlhf'] }).map(({ seed }) => seed)).toEqual([1, 1])
    expect(() => arms({ base: { seed: 7 } })).toThrow(/field "seed" is set by "seeds" of the comparison/)
  })
})
