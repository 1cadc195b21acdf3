import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { optionsOf, readDeclarations } from '../../src/cli/schedule'
import { temporaryFolder } from '../tiny-folder'

const project = resolve(__dirname, '..', '..')
const shipped = join(project, 'schedules')

test('the schedules that ship are declared rightly, and Kubernetes gets the same', () => {
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

test("a declaration as Temporal's options: time zone, jitter, overlap, catch-up, priority, and runs that fail rather than park", () => {
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
  ['no JSON', '{', /schedule\.json is not JSON/],
  ['no time', { id: 'x' }, /field "cron".*wants a time/],
  ['four fields of cron', { ...good, cron: '30 2 * *' }, /field "cron" got "30 2 \* \*": wants five fields/],
  ['no such time zone', { ...good, timeZone: 'Mars/Olympus' }, /field "timeZone" got "Mars\/Olympus"/],
  ['a sweep that could not start', { ...good, input: { axes: [] } }, /field "input": sweep: field "axes" is empty/],
  ['a field that there is not', { ...good, every: 'day' }, /unknown field "every"/],
])('%s is refused with file and field', (_, declaration, message) => {
  expect(() => readDeclarations([declared(declaration)])).toThrow(message)
})

test('two files with one id, and a folder without files, are refused', () => {
  expect(() => readDeclarations([declared(good), declared(good)])).toThrow(/field "id" is x in two files/)
  expect(() => readDeclarations([temporaryFolder()])).toThrow(/no \.json file in/)
  expect(() => readDeclarations(['/no/such/file.json'])).toThrow(/there is no file or folder/)
})
