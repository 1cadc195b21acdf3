// What Label Studio exports becomes ratings. The exports are of the shape that its server 1.23.2 gave for tasks of ours.
import type { RatingKind } from '../../src/contracts/human-evaluation'
import { toLabelStudio } from '../../src/rating/label-studio'
import { fromLabelStudio, usersIn } from '../../src/rating/label-studio-export'

const items = [0, 1].map((i) => ({ context: `Town ${i}?`, responses: [`Wet ${i}`, `Dry ${i}`, `Cold ${i}`] }))
const raters = ['anna', 'ben']
const evaluation = (kind: RatingKind, users: string[] = ['7=anna', '9=ben']) => ({
  kind,
  raters,
  items,
  users: usersIn(users),
})

const result = (kind: RatingKind, values: readonly number[]) =>
  values.map((value, at) => ({
    id: `region${at}`,
    from_name: `${kind}_${at + 1}`,
    to_name: `response_${at + 1}`,
    type: kind === 'rank' ? 'number' : 'choices',
    origin: 'manual',
    value: kind === 'rank' ? { number: value } : { choices: [value ? 'good' : 'not good'] },
  }))
const annotation = (kind: RatingKind, completed_by: unknown, values: readonly number[], more: object = {}) => ({
  id: 1,
  completed_by,
  result: result(kind, values),
  was_cancelled: false,
  ground_truth: false,
  created_at: '2026-11-26T03:15:58.677209Z',
  draft_created_at: null,
  lead_time: 4.5,
  prediction: {},
  parent_annotation: null,
  task: 1,
  ...more,
})
/** A task of item i as it is exported: without `meta` when its file was uploaded in the UI. */
const task = (i: number, annotations: object[], more: object = {}) => {
  const { data } = toLabelStudio(items, { kind: 'rank', raters, ratings: [] })[i] as { data: object }
  return { id: 40 + i, annotations, drafts: [], predictions: [], data, project: 1, inner_id: i + 1, ...more }
}

test.each([
  ['rank', [2, 3, 1], [2, 0, 1]],
  ['verdict', [0, 1, 0], [0, 1, 0]],
] as const)('%s: tasks without meta, in another order, by users with numbers', (kind, values, answer) => {
  const exported = [
    task(1, [annotation(kind, 9, values), annotation(kind, 7, values, { was_cancelled: true, result: [] })]),
    task(0, [annotation(kind, { id: 7, email: 'a@example.org', first_name: '' }, values, { lead_time: null })]),
  ]
  expect(fromLabelStudio(exported, evaluation(kind))).toEqual([
    { rater: 'ben', item: 1, answer, seconds: 4.5 },
    { rater: 'anna', item: 0, answer, seconds: 0 },
  ])
})

test.each([
  ['rank', { rank_1: [{ number: 2 }], rank_2: [{ number: 3 }], rank_3: [{ number: 1 }] }, [2, 0, 1]],
  ['verdict', { verdict_1: 'good', verdict_2: 'not good', verdict_3: 'good' }, [1, 0, 1]],
] as const)('%s: JSON-MIN', (kind, values, answer) => {
  const { data } = task(1, [])
  const exported = [{ ...data, ...values, id: 41, annotator: 9, annotation_id: 3, lead_time: 4.5 }]
  expect(fromLabelStudio(exported, evaluation(kind))).toEqual([{ rater: 'ben', item: 1, answer, seconds: 4.5 }])
})

test('a user whom nobody named, a task of another run, and a rank given twice are refused by name', () => {
  const good = annotation('rank', 7, [1, 2, 3])
  expect(() => fromLabelStudio([task(0, [good])], evaluation('rank', []))).toThrow(
    /completed by 7, who is no rater of this evaluation \(anna, ben\); say who it is: --rater 7=anna/,
  )
  for (const other of [{ data: { context: 'Else?' } }, { meta: { item: 1 } }, { meta: { item: 9 } }])
    expect(() => fromLabelStudio([task(0, [good], other)], evaluation('rank'))).toThrow(/task 40 is no item/)
  expect(() => fromLabelStudio([task(0, [annotation('rank', 7, [1, 1, 3])])], evaluation('rank'))).toThrow(
    /item 0 by anna leaves a response out, or gives two the same rank/,
  )
  expect(() => usersIn(['anna'])).toThrow(/--rater got "anna"; it must be USER=RATER/)
})
