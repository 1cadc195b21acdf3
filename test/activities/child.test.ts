// A child process that sends rubbish: its stage fails and says why; the worker, here this process, lives on.
import childProcess from 'node:child_process'
import { EventEmitter } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { computeInChild, type Job } from '../../src/activities/child'
import { temporaryFolder } from '../tiny-folder'

const job = { stage: 'evaluate', input: {}, home: '/', output: '/', checkpoints: '/' } as Partial<Job> as Job

/** Runs a child that sends these messages, as JavaScript, and then waits to be stopped. */
function childThatSends(messages: string): Promise<object> {
  const program = join(temporaryFolder(), 'child.js')
  writeFileSync(program, `process.once('message', () => { ${messages} }); setInterval(() => {}, 1000)`)
  const listener = { onProgress: () => {}, onLine: () => {} }
  return computeInChild(program, job, new AbortController().signal, listener)
}
const done = (summary: string) => `process.send({ type: 'done', summary: ${summary} })`
const progress = (fields: string) =>
  `process.send({ type: 'progress', progress: { phase: 'judging', unit: 'pairs', done: 1, total: 1, ${fields} } })`

test.each([
  ['a figure that is NaN', done('{ pairs: 2, sameSlotShare: NaN }'), /its figure "sameSlotShare" is NaN/],
  ['a figure that is infinite', done('{ loss: Infinity }'), /its figure "loss" is Infinity/],
  ['a figure of a wrong type', done('{ best: { name: "a" } }'), /its figure "best" is \{"name":"a"\}/],
  ['a figure that is undefined', done('{ best: undefined }'), /its figure "best" is undefined/],
  ['no summary', done('undefined'), /summary is undefined/],
  ['a huge summary', done('{ text: "x".repeat(1e7) }'), /summary is .{100,140}… \(longer than 65536 characters/s],
  ['an unknown type', `process.send({ type: 'rubbish' })`, /message that cannot be read: type is "rubbish"/],
  ['no object', 'process.send(7)', /message that cannot be read: the message is 7/],
  ['progress that is NaN', progress('total: NaN'), /"total" of its progress is NaN/],
  ['a warning that is huge', progress('warnings: ["x".repeat(2e4)]'), /more than 10000 characters of warnings/],
  ['a metric that is NaN', progress('metrics: { kl: NaN }'), /"kl" of its progress is NaN/],
])('%s fails the stage alone, by name', async (_, messages, reason) => {
  const failure = await childThatSends(messages).then(
    () => new Error('the stage was done'),
    (error: Error) => error,
  )
  expect(failure.name).toBe('Defect')
  expect(failure.message).toMatch(/^stage evaluate: .*this is a defect of rlaif, please report it/s)
  expect(failure.message).toMatch(reason)
  expect(failure.message.length).toBeLessThan(600)
})

test('what is sound before and after is read as ever; a huge error is cut', async () => {
  const exit = ', () => process.exit(0))'
  const sent = `${progress('metrics: { kl: 1 }')}; ${done('{ pairs: 2, best: null }').slice(0, -1)}${exit}`
  expect(await childThatSends(sent)).toMatchObject({ summary: { pairs: 2, best: null } })
  const huge = `process.send({ type: 'failed', name: 'Error', message: 'x'.repeat(1e6), stack: '' }${exit}`
  await expect(childThatSends(huge)).rejects.toMatchObject({
    name: 'Error',
    message: expect.stringMatching(/^x{10000}…$/) as string,
  })
  await expect(childThatSends('process.exit(0)')).rejects.toMatchObject({ name: 'Crashed' })
})

describe('a child process that cannot be started fails its attempt at once', () => {
  const attempt = () =>
    computeInChild('/no/program.js', job, new AbortController().signal, { onProgress: () => {}, onLine: () => {} })
  const failure = (code: string) => ({
    name: 'NotStarted',
    message: expect.stringMatching(
      new RegExp(`^evaluate: the child process could not be started .${code}.: `),
    ) as string,
  })

  test('because its program is missing', async () => {
    const real = childProcess.fork
    const fork = jest
      .spyOn(childProcess, 'fork')
      .mockImplementationOnce((program, _, options) => real(program, [], { ...options, execPath: '/no/such/node' }))
    await expect(attempt()).rejects.toMatchObject(failure('ENOENT'))
    fork.mockRestore()
  })

  const errorOf = (code: string) => Object.assign(new Error(`spawn node ${code}`), { code })

  // as Node does it: some errors are emitted, without streams and an exit, and others are thrown
  test.each(['EAGAIN', 'EMFILE'])('because of %s', async (code) => {
    const fork = jest.spyOn(childProcess, 'fork').mockImplementationOnce(() => {
      const child = new EventEmitter()
      process.nextTick(() => child.emit('error', errorOf(code)))
      return child as childProcess.ChildProcess
    })
    await expect(attempt()).rejects.toMatchObject(failure(code))
    fork.mockRestore()
  })

  test('because of ENOMEM', async () => {
    const fork = jest.spyOn(childProcess, 'fork').mockImplementationOnce(() => {
      throw errorOf('ENOMEM')
    })
    await expect(attempt()).rejects.toMatchObject(failure('ENOMEM'))
    fork.mockRestore()
  })
})

test('a child whose event loop is blocked is not hung as long as it says what it does', async () => {
  process.env.RLAIF_HANG_SECONDS = '3'
  const busy = (sends: string) =>
    `const until = (end) => { while (Date.now() < end) {} }
     for (let i = 0; i < 8; i++) { until(Date.now() + 1000); ${sends} }
     process.send({ type: 'done', summary: { pairs: 1 } }, () => process.exit(0))`
  try {
    expect(await childThatSends(busy(progress('')))).toMatchObject({ summary: { pairs: 1 } })
    await expect(childThatSends(busy(''))).rejects.toMatchObject({ name: 'Hung' })
  } finally {
    delete process.env.RLAIF_HANG_SECONDS
  }
})
