import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { optionsOf, readDeclarations } from '../../src/cli/schedule'
import { temporaryFolder } from '../tiny-folder'

const project = resolve(__dirname, '..', '..')
const shipped = join(project, 'schedules')

test('the shipped schedules are valid declarations, and the Kubernetes files are the same', () => {
  expect(readDeclarations([shipped]).map(({ id }) => id)).toEqual(['nightly-ablation', 'nightly-miniature'])
  for (const file of ['nightly-ablation.json', 'nightly-miniature.json']) {
    expect(readFileSync(join(project, 'deploy', 'kubernetes', file), 'utf8')).toBe(
      readFileSync(join(shipped, file), 'utf8'),
    )
    expect(readFileSync(join(project, 'deploy', 'kubernetes', 'kustomization.yaml'), 'utf8')).toContain(file)
  }
})

function declared(declaration: unknown): string {
  const file = join(temporaryFolder(), 'schedule.json')
  writeFileSync(file, typeof declaration === 'string' ? declaration : JSON.stringify(declaration))
  return file
}
const good = { id: 'x', cron: '30 2 * * *', input: { preset: 'kl-weight' } }

test('a declaration becomes Temporal options, and its runs fail rather than park', () => {
  const [declaration] = readDeclarations([
    declared({
      ...good,
      workflow: 'align',
      input: { task: 'helpful' },
      timeZone: 'Europe/Berlin',
      jitterMinutes: 5,
      overlap: 'bufferOne',
      catchUpHours: 2,
      calendar: [{ hour: 3, dayOfWeek: ['MONDAY'] }],
    }),
  ])
  expect(optionsOf(declaration!)).toMatchObject({
    scheduleId: 'x',
    spec: {
      cronExpressions: ['30 2 * * *'],
      calendars: [{ hour: 3, minute: 0, dayOfWeek: ['MONDAY'] }],
      timezone: 'Europe/Berlin',
      jitter: 300_000,
    },
    policies: { overlap: 'BUFFER_ONE', catchupWindow: 7_200_000, pauseOnFailure: false },
    action: {
      workflowType: 'align',
      workflowId: 'x',
      taskQueue: 'rlaif',
      args: [{ onFailure: 'fail', task: 'helpful' }],
      priority: { priorityKey: 5 },
    },
  })
})

test.each<[string, unknown, RegExp]>([
  ['text that is not JSON', '{', /schedule\.json is not JSON/],
  ['a declaration without a time', { id: 'x' }, /field "cron".*expected a time/],
  [
    'a cron expression of four fields',
    { ...good, cron: '30 2 * *' },
    /field "cron" got "30 2 \* \*": expected five fields/,
  ],
  ['an unknown time zone', { ...good, timeZone: 'Mars/Olympus' }, /field "timeZone" got "Mars\/Olympus"/],
  ['a sweep that could not start', { ...good, input: { axes: [] } }, /field "input": sweep: field "axes" is empty/],
  ['an unknown field', { ...good, every: 'day' }, /unknown field "every"/],
])('%s is refused with file and field', (_, declaration, message) => {
  expect(() => readDeclarations([declared(declaration)])).toThrow(message)
})

test('two files with the same id, a folder without files, and a missing file are refused', () => {
  expect(() => readDeclarations([declared(good), declared(good)])).toThrow(/field "id" is x in two files/)
  expect(() => readDeclarations([temporaryFolder()])).toThrow(/no \.json file in/)
  expect(() => readDeclarations(['/no/such/file.json'])).toThrow(/there is no file or folder/)
})
