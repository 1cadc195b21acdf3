// Juries, rubrics and principles as settings of a labeler: what is refused, and what is overlaid on what.
import { askerOf, asksAgain } from '../../src/activities/asker'
import { mapNames, namesIn } from '../../src/contracts/given-names'
import { labelerSchema, quorumOf, type JurySettings } from '../../src/contracts/labeler-settings'
import { variantLabeler } from '../../src/contracts/label-study-input'
import { overlay } from '../../src/contracts/overlay'
import { parse } from '../../src/contracts/parse'
import { overridden } from '../../src/contracts/resolution'
import { withRunPrecision } from '../../src/contracts/run-precision'
import { runSummary } from '../../src/contracts/run-summary'
import { stageSchemas } from '../../src/contracts/stages'
import { sweepSchema, type SweepInput } from '../../src/contracts/sweep'
import { trialsOf } from '../../src/contracts/sweep-trials'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'

const labeler = (given: unknown) => parse(labelerSchema, given, 'labeler') as JurySettings
const align = (given: object) => parse(workflowSchemas.align, given, 'align')
const endpoint = { baseUrl: 'http://localhost:8000/v1', model: 'big' }

test('a jury has members of any kind, each with the defaults of a labeler', () => {
  const jury = labeler({ jury: ['default', endpoint, { model: 'policy', comparison: 'pointwise' }] })
  expect(jury).toMatchObject({
    combine: 'mean',
    jury: [{ model: 'default', orders: 2 }, endpoint, { model: 'policy' }],
  })
  expect(jury.jury[0]).toEqual(parse(labelerSchema, 'default', 'labeler'))
  expect(labeler(jury)).toEqual(jury)
  expect(quorumOf(jury)).toBe(2)
  expect(quorumOf({ ...jury, quorum: 1 })).toBe(1)
})

test.each([
  [{ jury: [] }, /field "jury"/],
  [{ jury: ['default', { jury: ['policy'] }] }, /field "jury\.1" got .*: is a jury itself/],
  [
    { jury: ['default', 'policy'], combine: 'trimmed' },
    /field "combine" got "trimmed": has no meaning for fewer than 3/,
  ],
  [{ jury: ['default'], quorum: 2 }, /field "quorum" got 2: must be at most 1/],
  [{ jury: ['default'], orders: 1 }, /unknown field "orders"/],
  [{ jury: [{ ...endpoint, orders: 3 }] }, /field "jury\.0\.orders"/],
  [{ jury: [{ model: 'default', comparison: 'pointwise', orders: 1 }] }, /field "jury\.0\.orders" .*has no meaning/],
  [{ model: 'default', bogus: 1 }, /unknown field "bogus"/],
  [
    { model: 'default', comparison: 'pointwise', principles: true },
    /"principles" .*principles stand in questions about pairs/,
  ],
])('%j is refused by the name of its field', (given, message) => {
  expect(() => labeler(given)).toThrow(message)
})

test.each([
  [
    { labeler: { model: 'default', score: 'rubric' } },
    /"labeler\.score" got "rubric": has no meaning when "comparison" is "pairwise"/,
  ],
  [{ labeler: { jury: ['default', { model: 'default', score: 'rubric' }] } }, /"labeler\.jury\.1\.score"/],
  [
    { method: 'direct-rlaif', labeler: { model: 'default', principles: true } },
    /"labeler\.principles" got true: has no meaning for scores/,
  ],
  [{ judge: { model: 'default', score: 'rubric' } }, /"judge\.score"/],
  [{ revise: { labeler: { jury: ['default'] } } }, /"revise\.labeler" .*is a jury itself/],
  [{ revise: {}, initialPolicy: 'model' }, /"revise" .*has no meaning when "initialPolicy" is "model"/],
  [{ revise: {}, engine: { ray: { address: 'local' } } }, /"revise" .*has no meaning with "engine" on Ray/],
])('a run refuses what has no meaning there: %j', (given, message) => {
  expect(() => align(given)).toThrow(message)
})

test('a rubric is asked for by scores, and about each response of a pair', () => {
  expect(align({ method: 'direct-rlaif', labeler: { model: 'default', score: 'rubric' } }).labeler).toMatchObject({
    score: 'rubric',
  })
  expect(align({ labeler: { model: 'default', score: 'rubric', comparison: 'pointwise' } }).labeler).toMatchObject({
    score: 'rubric',
  })
  expect(align({ method: 'sft', labeler: { model: 'default', score: 'rubric' } }).method).toBe('sft')
})

test('inputs without these settings are as they were: the same fields, and the same keys', () => {
  expect(Object.keys(parse(labelerSchema, 'default', 'labeler')).sort()).toEqual(
    ['answers', 'chainOfThought', 'comparison', 'exemplars', 'labels', 'model', 'orders', 'preamble', 'rationaleTokens']
      .concat(['samples', 'temperature', 'topK'])
      .sort(),
  )
  expect(align({})).not.toHaveProperty('revise')
})

describe('overlays', () => {
  const jury = { jury: [{ model: 'default' }, endpoint], combine: 'median' }
  const laid = (below: unknown, above: unknown) => overlay({ labeler: below }, { labeler: above }).labeler

  test('a jury replaces a labeler and takes over how it was asked; a labeler replaces a jury', () => {
    expect(
      laid({ model: 'policy', comparison: 'pointwise', answers: 'again' }, { jury: ['default', endpoint] }),
    ).toEqual({
      jury: [
        { model: 'default', comparison: 'pointwise', answers: 'again' },
        { ...endpoint, comparison: 'pointwise', answers: 'again' },
      ],
    })
    for (const single of ['policy', { model: 'policy' }, endpoint])
      expect(laid(jury, single)).toEqual(single === 'policy' ? { model: 'policy' } : single)
  })

  test('other fields above a jury are of the jury, or of each member', () => {
    expect(laid(jury, { combine: 'mean' })).toEqual({ ...jury, combine: 'mean' })
    expect(laid(jury, { jury: ['policy'] })).toEqual({ jury: ['policy'], combine: 'median' })
    expect(laid({ jury: ['default', { ...endpoint, orders: 1 }] }, { comparison: 'pointwise' })).toEqual({
      jury: [
        { model: 'default', comparison: 'pointwise' },
        { ...endpoint, comparison: 'pointwise' },
      ],
    })
  })

  test('fields of a sweep, variants of a study and overrides of a parked stage reach each member', () => {
    const axes = [
      { field: 'labeler.comparison', values: ['pairwise', 'pointwise'] },
      { field: 'labeler.combine', values: ['mean', 'median'] },
    ]
    const sweep = parse(sweepSchema, { name: 's', base: { labeler: { jury: ['default', endpoint] } }, axes }, 'sweep')
    const trials = trialsOf(sweep as SweepInput).map(({ input }) => input.labeler as JurySettings)
    expect(trials.map(({ combine, jury }) => [combine, ...jury.map(({ comparison }) => comparison)])).toEqual([
      ['mean', 'pairwise', 'pairwise'],
      ['median', 'pairwise', 'pairwise'],
      ['mean', 'pointwise', 'pointwise'],
      ['median', 'pointwise', 'pointwise'],
    ])
    const variant = variantLabeler(labeler(jury), { name: 'v', technique: { exemplars: 2 } })
    expect((variant as JurySettings).jury).toMatchObject([{ exemplars: 2 }, { exemplars: 2 }])
    const artifact = { uri: 'file:///store/x', sha256: '0'.repeat(64), bytes: 1, summary: {} }
    const input = parse(stageSchemas.label, { samples: artifact, data: artifact, labeler: { settings: jury } }, 'label')
    const changed = overridden('label', input, { labeler: { quorum: 1 } })
    expect(changed.labeler.settings).toMatchObject({ quorum: 1, combine: 'median' })
  })

  test('a study refuses a variant that a member cannot be asked by, with its field', () => {
    const variants = [{ name: 'v', technique: { samples: 4 } }]
    expect(() => parse(workflowSchemas.labelStudy, { labeler: jury, variants }, 'labelStudy')).toThrow(
      /variants\.0\.technique\.jury\.0\.temperature/,
    )
  })

  test('the precision of a run is that of its local members', () => {
    const settings = withRunPrecision(align({ precision: 'bfloat16', labeler: jury, revise: {} }))
    expect((settings.labeler as JurySettings).jury[0]).toMatchObject({ precision: 'bfloat16' })
    expect((settings.labeler as JurySettings).jury[1]).not.toHaveProperty('precision')
    expect(settings.revise).toMatchObject({ precision: 'bfloat16', labeler: { precision: 'bfloat16' } })
  })
})

test('names of members are looked up, with their fields, and so are the rubric and the principles of the task', () => {
  const world = { baseUrl: 'world:', model: 'XS' }
  const given = { task: 'helpful', labeler: { jury: ['./mine', world, endpoint] }, revise: { labeler: './writer' } }
  const mapped = mapNames('align', given, (kind, name) => (kind === 'model' ? `/abs/${name}` : name))
  expect(mapped).toMatchObject({
    labeler: { jury: ['/abs/./mine', world, endpoint] },
    revise: { labeler: '/abs/./writer' },
  })
  const input = align({ ...given, judge: { model: 'default', score: 'rubric', comparison: 'pointwise' } })
  const names = namesIn('align', input).map(({ kind, name, field }) => `${kind} ${name} ${field}`)
  expect(names).toEqual(
    expect.arrayContaining([
      'model ./mine labeler.jury.0.model',
      'annotator XS labeler.jury.1.model',
      'model ./writer revise.labeler.model',
      'rubric helpful judge.score',
      'principles helpful revise',
    ]),
  )
  const own = namesIn('align', align({ labeler: { jury: ['policy'] }, judge: 'policy', revise: {} }))
  expect(own.map(({ name }) => name)).not.toContain('policy')
})

test('pace and money of members leave the work the same; answers asked again are one member enough', () => {
  const work = (member: object) =>
    askerOf(
      'label',
      1,
      { labeler: { settings: labeler({ jury: ['default', { ...endpoint, ...member }] }) } },
      'r',
      false,
    ).work
  const price = { inputPerMillion: 1, outputPerMillion: 1 }
  expect(work({ price, maxCost: 3, concurrency: 2 })).toBe(work({}))
  expect(work({ model: 'other' })).not.toBe(work({}))
  const again = { labeler: { settings: labeler({ jury: ['default', { ...endpoint, answers: 'again' }] }) } }
  expect(asksAgain(again)).toBe(true)
})

test('a run says who is in its jury', () => {
  expect(runSummary('align', align({ labeler: { jury: ['default', endpoint] } }))).toMatch(
    /labelled by a jury of default, big at localhost:8000/,
  )
})
