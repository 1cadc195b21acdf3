import { parse } from '../../src/contracts/parse'
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import { sweepPresets, type SweepPreset } from '../../src/contracts/sweep-presets'
import { trialsOf } from '../../src/contracts/sweep-trials'
import { STUDY_FIGURES } from '../../src/report/paper-figures'

const trials = (input: object, night?: string) => trialsOf(parse(sweepSchema, input, 'sweep') as SweepInput, night)
const kl = { field: 'rl.klWeight', values: [0, 0.05] }

test('every combination is a trial with each seed; groups and short forms are expanded', () => {
  const made = trials({
    base: { task: 'helpful', labeler: 'default', data: '/rows.jsonl' },
    axes: [kl, { field: 'labeler.preamble', values: ['base', 'detailed'] }, { field: 'data.limit', values: [8] }],
    seeds: [1, 7],
  })
  expect(made).toHaveLength(8)
  expect(made.map(({ trial }) => trial)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(made[3]).toMatchObject({
    levels: { 'rl.klWeight': '0.05', 'labeler.preamble': 'detailed', 'data.limit': '8' },
    repeat: 0,
    seed: 1,
    input: {
      task: 'helpful',
      seed: 1,
      onFailure: 'fail',
      labeler: { model: 'default', preamble: 'detailed' },
      data: { path: '/rows.jsonl', limit: 8 },
      rl: { klWeight: 0.05 },
    },
  })
  expect(made[4]).toMatchObject({ levels: made[0]!.levels, repeat: 1, seed: 7 })
})

test('every entry of a list is a trial; a draw depends on the first seed and is the same each time', () => {
  expect(
    trials({ list: [{ 'rl.klWeight': 0.1, 'rl.steps': 3 }, { method: 'sft' }] }).map(({ levels }) => levels),
  ).toEqual([{ 'rl.klWeight': '0.1', 'rl.steps': '3' }, { method: 'sft' }])
  const many = {
    axes: [
      { field: 'rl.steps', values: Array.from({ length: 100 }, (_, i) => i + 1) },
      { field: 'rl.klWeight', values: Array.from({ length: 100 }, (_, i) => i / 100) },
    ],
    draw: 20,
  }
  const drawn = trials({ ...many, seeds: [3] }).map(({ levels }) => JSON.stringify(levels))
  expect(new Set(drawn).size).toBe(20)
  expect(trials({ ...many, seeds: [3] }).map(({ levels }) => JSON.stringify(levels))).toEqual(drawn)
  expect(trials({ ...many, seeds: [4] }).map(({ levels }) => JSON.stringify(levels))).not.toEqual(drawn)
})

test('each night has its own seeds, all different', () => {
  const seeds = (night?: string) => trials({ axes: [kl], seeds: [1, 2] }, night).map(({ seed }) => seed)
  expect(seeds()).toEqual([1, 1, 2, 2])
  expect(seeds('2026-11-25T02:30Z')).toEqual(seeds('2026-11-25T02:30Z'))
  expect(new Set([...seeds('2026-11-25T02:30Z'), ...seeds('2026-11-26T02:30Z')]).size).toBe(4)
})

test.each<[string, object, RegExp]>([
  [
    'an axis with an unknown field',
    { axes: [{ field: 'rl.klWeigth', values: [1] }] },
    /rl\.klWeigth = 1: .*unknown field "rl\.klWeigth"/,
  ],
  [
    'a value out of range',
    { axes: [{ field: 'rl.klWeight', values: [0.1, 2] }] },
    /rl\.klWeight = 2: .*field "rl\.klWeight" got 2/,
  ],
  ['no axis', {}, /field "axes" is empty/],
  [
    'an axis without values',
    { axes: [{ field: 'rl.klWeight', values: [] }] },
    /field "axes\.0\.values".*the grid has no point/,
  ],
  [
    'a grid over maxTrials',
    { axes: [kl, { field: 'rl.steps', values: [1, 2, 3] }], maxTrials: 5 },
    /field "maxTrials" is 5, but 6 points/,
  ],
  [
    'a grid of millions of points',
    {
      axes: Array.from({ length: 7 }, (_, i) => ({ field: `f${i}`, values: Array.from({ length: 10 }, (_, v) => v) })),
      draw: 5,
    },
    /field "axes" makes a grid of 10000000 points/,
  ],
  ['a budget of no hours', { axes: [kl], budget: { hours: 0 } }, /field "budget\.hours" got 0/],
  [
    'a cost budget where nothing has a price',
    { axes: [kl], budget: { cost: 5 } },
    /field "budget\.cost" cannot be kept/,
  ],
  ['axes and a list', { axes: [kl], list: [{ 'rl.steps': 1 }] }, /fields "axes" and "list" are both given/],
  ['a field twice', { axes: [kl, kl] }, /field "axes" names "rl\.klWeight" twice/],
  ['a value twice', { axes: [{ field: 'rl.steps', values: [1, 2, 1] }] }, /field "axes\.0\.values" has 1 twice/],
  ['the seed as an axis', { axes: [{ field: 'seed', values: [1, 2] }] }, /field "seed" is set by "seeds"/],
  ['labels for some values', { axes: [{ ...kl, labels: ['none'] }] }, /field "axes\.0\.labels".*must have as many/],
  ['a bad field in the base', { base: { taks: 'helpful' }, axes: [kl] }, /unknown field "taks"/],
  [
    'a bad field in an arm of a comparison',
    { workflow: 'compare', axes: [{ field: 'base.rl.stepz', values: [1] }] },
    /arm .*unknown field "rl\.stepz"/s,
  ],
  ['an unknown preset', { preset: 'lunch' }, /field "preset" got "lunch"/],
  ['a URI that is not of an artifact', { axes: [kl], baseline: 'http://x' }, /field "baseline"/],
])('%s is refused with a message that names the field', (_, input, message) => {
  expect(() => trials(input)).toThrow(message)
})

test('a cost budget is accepted where a labeler has a price', () => {
  const labeler = {
    baseUrl: 'http://127.0.0.1:8000/v1',
    model: 'm',
    price: { inputPerMillion: 1, outputPerMillion: 2 },
  }
  expect(trials({ axes: [kl], base: { labeler }, budget: { cost: 5 } })).toHaveLength(2)
})

test.each(Object.keys(sweepPresets) as SweepPreset[])(
  'preset %s has trials that its workflow accepts, and figures of the paper for fields that vary',
  (preset) => {
    const made = trials({ preset })
    const repeats = new Set(made.map(({ repeat }) => repeat)).size
    // The miniature study has its own seeds, and takes five minutes of a night.
    expect(repeats).toBe(preset === 'miniature' ? 1 : 2)
    for (const { field } of STUDY_FIGURES[preset] ?? []) expect(Object.keys(made[0]!.levels)).toContain(field)
    expect(trials({ preset, seeds: [5] })).toHaveLength(made.length / repeats)
  },
)

test('axes in the input replace those of the preset', () => {
  const labelers = [{ model: 'default' }, { baseUrl: 'http://127.0.0.1:8000/v1', model: 'large' }]
  const made = trials({
    preset: 'labeler-size',
    axes: [{ field: 'labeler', values: labelers, labels: ['XS', 'L'] }],
    seeds: [1],
    base: { task: 'harmless' },
  })
  expect(made.map(({ levels }) => levels.labeler)).toEqual(['XS', 'L'])
  expect(made[1]!.input).toMatchObject({
    task: 'harmless',
    labeler: { model: 'large' },
    variants: [{ name: 'Detailed + CoT 0-shot' }],
  })
})
