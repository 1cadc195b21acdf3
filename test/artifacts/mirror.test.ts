// What a stage keeps between attempts, in a bucket of a real S3 server: every kind of file that training leaves, and
// labelers' answers, of which each byte is sent once.
import { randomUUID } from 'node:crypto'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { answerMirror, fetchShelf } from '../../src/artifacts/answer-mirror'
import { openAnswers, shelfOf } from '../../src/artifacts/answers'
import { openBucket, type Bucket } from '../../src/artifacts/bucket'
import { checkpointMirror } from '../../src/artifacts/mirror'
import { s3Store } from '../../src/artifacts/s3-store'
import { keepingAnswers } from '../../src/feedback/kept-answers'
import type { Labeler } from '../../src/feedback/labeler'
import { openCandidates } from '../../src/training/candidates'
import { trainSteps } from '../../src/training/checkpoint'
import { openOptimizer } from '../../src/training/update'
import { startS3Server, type S3Server } from '../s3-server'
import { temporaryFolder } from '../tiny-folder'
import { tinyModel } from '../tiny-model'

jest.setTimeout(300_000)

let server: S3Server
let bucket: Bucket
beforeAll(async () => {
  server = await startS3Server()
  Object.assign(process.env, server.env)
})
afterAll(() => server.close())
beforeEach(async () => (bucket = openBucket(await server.newBucket())))

const filesOf = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((file) => [file.slice(folder.length), readFileSync(file, 'base64')])
      .sort(),
  ) as Record<string, string>

/** The bucket, and what is sent to it. */
function counted() {
  const sent = { bytes: 0, objects: 0 }
  const count = (bytes: number) => {
    sent.bytes += bytes
    sent.objects++
  }
  const counting: Bucket = {
    ...bucket,
    async write(key, text, condition) {
      count(Buffer.byteLength(text))
      return bucket.write(key, text, condition)
    },
    async upload(key, file) {
      count(statSync(file).size)
      return bucket.upload(key, file)
    },
  }
  return { sent, counting }
}

describe('checkpoints', () => {
  /** Trains with a checkpoint and a validation after each step, and pushes at every moment at which something changed. */
  async function trainInto(folder: string, onChange: () => Promise<void>): Promise<void> {
    const model = tinyModel()
    const candidates = openCandidates(join(folder, 'candidates'), 2)
    const host = { checkpoints: folder, checkpointEvery: 1, onStep: () => {} }
    const afterStep = async (step: number) => {
      candidates.consider({ step, reward: step === 2 ? 9 : step, responses: [[step]] }, model)
      await onChange()
      return {}
    }
    await trainSteps(5, { policy: { model, optimizer: openOptimizer({} as never) } }, host, {
      step: async () => {
        await onChange()
        return { loss: 1 }
      },
      afterStep,
    })
  }

  test('all that training leaves arrives after each validation, and nothing else is kept', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()]
    const mirror = checkpointMirror(bucket, 'work/rl-k', one)
    await trainInto(one, () => mirror.push())
    const there = filesOf(one)
    expect(Object.keys(there).map((name) => name.replace(/\/[\w.]+$/, '/'))).toContain('/candidates/step-00000002/')
    expect(Object.keys(there).filter((name) => name.startsWith('/candidates/validation-'))).toHaveLength(5)
    await mirror.close()
    await checkpointMirror(bucket, 'work/rl-k', two).pull()
    expect(filesOf(two)).toEqual(there)
  })

  test('a checkpoint that was made again under its name replaces the one in the bucket', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()]
    const write = (text: string, at: Date) => {
      mkdirSync(join(one, 'step-00000001'), { recursive: true })
      writeFileSync(join(one, 'step-00000001', 'progress.json'), text)
      utimesSync(join(one, 'step-00000001'), at, at)
    }
    const mirror = checkpointMirror(bucket, 'work/rl-k', one)
    write('damaged', new Date(1000))
    await mirror.push()
    write('whole', new Date(2000))
    await mirror.push()
    await checkpointMirror(bucket, 'work/rl-k', two).pull()
    expect(readFileSync(join(two, 'step-00000001', 'progress.json'), 'utf8')).toBe('whole')
  })

  test('what begins with a dot stays on this machine: it may hold a secret, or be made again', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'ray', '.merged'), { recursive: true })
    for (const name of ['.reward-service.json', '.merged/model.safetensors', 'job.json'])
      writeFileSync(join(folder, 'ray', name), '{}')
    await checkpointMirror(bucket, 'work/rl-k', folder).push()
    expect((await bucket.list('')).map(({ key }) => key)).toEqual(['work/rl-k/ray/job.json'])
  })

  test('a checkpoint that training deletes while it is sent arrives whole', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()]
    const folder = join(one, 'step-00000001')
    mkdirSync(folder)
    for (const name of ['policy.safetensors', 'progress.json']) writeFileSync(join(folder, name), name)
    const deleting: Bucket = {
      ...bucket,
      async upload(key, file) {
        await bucket.upload(key, file)
        rmSync(folder, { recursive: true, force: true }) // as the next checkpoint does
      },
    }
    await checkpointMirror(deleting, 'work/rl-k', one).push()
    await checkpointMirror(bucket, 'work/rl-k', two).pull()
    expect(readdirSync(join(two, 'step-00000001')).sort()).toEqual(['policy.safetensors', 'progress.json'])
    expect(readdirSync(one)).toEqual([])
  })

  test('the next attempt on the same machine sends nothing again', async () => {
    const { sent, counting } = counted()
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'step-00000001'))
    writeFileSync(join(folder, 'step-00000001', 'policy.safetensors'), 'weights')
    await checkpointMirror(counting, 'work/rl-k', folder).push()
    const before = sent.objects
    const next = checkpointMirror(counting, 'work/rl-k', folder)
    await next.pull()
    await next.push()
    expect(sent.objects).toBe(before)
  })

  test('what cannot be copied of checkpoints does not hold up the answers', async () => {
    const root = temporaryFolder()
    const refusing = { ...bucket, upload: () => Promise.reject(new Error('refused')) }
    const store = s3Store(refusing, root)
    const work = await store.begin('rl', 'k')
    mkdirSync(join(work.checkpoints, 'step-00000001'), { recursive: true })
    writeFileSync(join(work.checkpoints, 'step-00000001', 'progress.json'), '{}')
    const stop = store.startBackup(work)
    openAnswers(root, undefined, { shelf: 's', writer: work.writer }).put([['k', 1]])
    const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
    await stop()
    expect(stderr.mock.calls.join()).toContain('refused')
    stderr.mockRestore()
    expect(await bucket.list('answers/s/')).toHaveLength(1)
  })
})

describe('answers', () => {
  const identity = { model: 'scripted' }
  const shelf = shelfOf(identity)
  const folderIn = (root: string) => join(root, 'answers')
  const scripted: Labeler = {
    name: 'scripted',
    identity,
    ask(questions, _, onAnswer) {
      questions.forEach((__, i) => onAnswer?.(i, { logProbs: [-0.1, -2.3] }))
      return Promise.resolve(questions.map(() => ({ logProbs: [-0.1, -2.3] })))
    },
    write: () => Promise.reject(new Error('not asked')),
  }
  const questions = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ text: `question ${from + i}`, ending: '' }))

  test('200,000 answers, copied 50 times while they come, take at most 1.2 times their bytes', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()]
    const { sent, counting } = counted()
    const mirror = answerMirror(counting, folderIn(one), 'w')
    const labeler = keepingAnswers(scripted, openAnswers(one, { run: 'r', work: 'w' }, { shelf, writer: 'w' }))
    for (let part = 0; part < 50; part++) {
      await labeler.ask(questions(4000 * part, 4000), ['1', '2'])
      await mirror.push()
    }
    await mirror.close()
    const { size } = statSync(join(folderIn(one), shelf, 'w.jsonl'))
    expect(size).toBeGreaterThan(200_000 * 100)
    expect(sent.bytes / size).toBeLessThan(1.2)
    await fetchShelf(bucket, folderIn(two), shelf)
    const there = keepingAnswers(scripted, openAnswers(two, undefined, { shelf }))
    await there.ask(questions(0, 200_000), ['1', '2'])
    expect(there.reused).toBe(200_000)
  })

  test('a stage fetches the shelf of its labeler alone, and each byte once', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()]
    const other = shelfOf({ model: 'other' })
    const [mine, others] = [shelf, other].map((name) => openAnswers(one, undefined, { shelf: name, writer: 'w' }))
    const mirror = answerMirror(bucket, folderIn(one), 'w')
    mine!.put([['a', 1]])
    others!.put([['a', 2]])
    await mirror.push()
    await fetchShelf(bucket, folderIn(two), shelf)
    expect(readdirSync(folderIn(two))).toEqual([shelf])
    expect(openAnswers(two, undefined, { shelf }).get('a')).toBe(1)

    const read: string[] = []
    const reading: Bucket = { ...bucket, read: (key) => (read.push(key), bucket.read(key)) }
    mine!.put([['b', 'ö']])
    await mirror.push()
    await fetchShelf(reading, folderIn(two), shelf)
    await fetchShelf(reading, folderIn(two), shelf)
    expect(read).toHaveLength(1)
    expect(openAnswers(two, undefined, { shelf }).get('b')).toBe('ö')
    await mirror.close() // one range in the end, of which the other machine has all
    expect((await bucket.list(`answers/${shelf}/`)).map(({ key }) => key)).toHaveLength(1)
    await fetchShelf(reading, folderIn(two), shelf)
    expect(read).toHaveLength(1)
    const three = temporaryFolder()
    await fetchShelf(bucket, folderIn(three), shelf)
    expect(filesOf(folderIn(three))).toEqual(filesOf(folderIn(two)))
  })

  test('what a killed process of this machine could not send is sent by the next stage that asks', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()]
    const answers = openAnswers(one, undefined, { shelf, writer: 'killed' })
    answers.put([['a', 1]])
    await answerMirror(bucket, folderIn(one), 'killed').push()
    answers.put([['b', 2]])
    const file = join(folderIn(one), shelf, 'killed.jsonl')
    appendFileSync(file, '["c",{"logPr')
    utimesSync(file, new Date(0), new Date(0))
    await fetchShelf(bucket, folderIn(one), shelf)
    await fetchShelf(bucket, folderIn(two), shelf)
    const there = openAnswers(two, undefined, { shelf })
    expect([there.get('a'), there.get('b'), there.get('c')]).toEqual([1, 2, undefined])
  })

  test('whole files of earlier versions are found, in the bucket and on this machine', async () => {
    const root = temporaryFolder()
    await bucket.write('answers/old.jsonl', '["remote",1]\n')
    mkdirSync(folderIn(root))
    writeFileSync(join(folderIn(root), 'local.jsonl'), '["local",2]\n')
    await fetchShelf(bucket, folderIn(root), shelf)
    const answers = openAnswers(root, undefined, { shelf })
    expect([answers.get('remote'), answers.get('local')]).toEqual([1, 2])
  })

  test('a shelf of more files than a process may open is read', () => {
    const root = temporaryFolder()
    for (let i = 0; i < 300; i++) openAnswers(root, undefined, { shelf: `made-${i}` }).put([[`k${i}`, i]])
    mkdirSync(join(folderIn(root), shelf))
    for (let i = 0; i < 300; i++) {
      const [name] = readdirSync(join(folderIn(root), `made-${i}`))
      const text = readFileSync(join(folderIn(root), `made-${i}`, name!))
      writeFileSync(join(folderIn(root), shelf, `${randomUUID()}.jsonl`), text)
      rmSync(join(folderIn(root), `made-${i}`), { recursive: true })
    }
    const opened = () => readdirSync('/proc/self/fd').length
    const before = opened()
    const answers = openAnswers(root, undefined, { shelf })
    for (const round of [0, 1]) for (let i = 0; i < 300; i++) expect([round, answers.get(`k${i}`)]).toEqual([round, i])
    expect(opened() - before).toBeLessThan(100)
  })
})
