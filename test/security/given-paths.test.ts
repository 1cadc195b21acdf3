// What whoever starts a run could read on a worker: links in the folders that an input names, files of the kernel,
// pipes that block it, and everything the worker can read where several people share it.
import { execFileSync } from 'node:child_process'
import { cpSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { model } from '../../src/activities/stages/model'
import type { StageHost } from '../../src/activities/stage'
import { readRows, rowsSource } from '../../src/data/source'
import { readTask, taskFolder } from '../../src/data/task'
import { modelFiles } from '../../src/model/folder'
import { locateModel, modelSource } from '../../src/model/locate'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

const SHIPPED = resolve(__dirname, '..', '..', 'tasks', 'harmless')
const SECRET = 'sk-secret-of-the-worker'

const before = process.env
afterEach(() => {
  process.env = before
})
const withEnvironment = (more: NodeJS.ProcessEnv) => (process.env = { ...before, ...more })

/** A folder with a secret of the worker. */
function secrets(): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'key.txt'), SECRET)
  writeFileSync(join(folder, 'rows.jsonl'), `${JSON.stringify({ id: SECRET, prompt: SECRET })}\n`)
  return folder
}
/** A task's folder whose file of this name is replaced. */
function taskWith(name: string, replace: (file: string) => void): string {
  const folder = join(temporaryFolder(), 'task')
  cpSync(SHIPPED, folder, { recursive: true })
  rmSync(join(folder, name))
  replace(join(folder, name))
  return folder
}
const loaded = (folder: string) => readTask(taskFolder(folder))

describe('a task', () => {
  test.each([
    'base.txt',
    'detailed-rationale.txt',
    'rationale-ask.txt',
    'score.txt',
    'exemplars.jsonl',
    'prompts.jsonl',
  ])('whose %s is a link to a file of the worker is refused', (name) => {
    const target = join(secrets(), name.endsWith('l') ? 'rows.jsonl' : 'key.txt')
    expect(() => loaded(taskWith(name, (file) => symlinkSync(target, file)))).toThrow(/is a link that leads out of/)
  })
  test('whose task.json is a link is refused', () => {
    const folder = taskWith('task.json', (file) => symlinkSync(join(SHIPPED, 'task.json'), file))
    expect(() => loaded(folder)).toThrow(/is a link that leads out of/)
  })
  test('whose file is a link to the environment of the worker is refused', () => {
    const folder = taskWith('base.txt', (file) => symlinkSync('/proc/self/environ', file))
    expect(() => loaded(folder)).toThrow(/is a link that leads out of/)
  })
  test('whose link goes out and comes back, or to a link that goes out, is judged by where it ends', () => {
    const inside = taskWith('base.txt', (file) => {
      writeFileSync(`${file}.real`, 'Which is better?')
      symlinkSync(join('..', 'task', 'base.txt.real'), file)
    })
    expect(loaded(inside).preference.preambles.base).toBe('Which is better?')
    const twice = taskWith('base.txt', (file) => {
      symlinkSync(join(secrets(), 'key.txt'), `${file}.hop`)
      symlinkSync(`${file}.hop`, file)
    })
    expect(() => loaded(twice)).toThrow(/is a link that leads out of/)
  })
  test('with a named pipe in place of a file is refused at once: it would block the worker', () => {
    const folder = taskWith('base.txt', (file) => execFileSync('mkfifo', [file]))
    expect(() => loaded(folder)).toThrow(/is not a regular file/)
  })
  test('that is itself named by a link is read', () => {
    const link = join(temporaryFolder(), 'task')
    symlinkSync(SHIPPED, link)
    expect(loaded(link).instruction).toEqual(readTask(SHIPPED).instruction)
  })
})

describe('a model', () => {
  const tiny = writeTinyFolder()
  const copyOf = () => {
    const folder = join(temporaryFolder(), 'model')
    cpSync(tiny, folder, { recursive: true })
    return folder
  }
  const host = () => {
    const output = temporaryFolder()
    return { output, host: { output, sources: {}, report: () => {} } as unknown as StageHost }
  }

  test.each(['chat_template.jinja', 'special_tokens_map.json', 'config.json', 'model-extra.safetensors'])(
    'whose %s is a link to a file of the worker is refused, and nothing is copied',
    async (name) => {
      const folder = copyOf()
      rmSync(join(folder, name), { force: true })
      symlinkSync(join(secrets(), 'key.txt'), join(folder, name))
      await expect(modelSource(folder)).rejects.toThrow(/is a link that leads out of/)
      const { output, host: stage } = host()
      await expect(Promise.resolve(model.run({ spec: folder, cache: 'use' }, stage))).rejects.toThrow(
        /is a link that leads out of/,
      )
      expect(readdirSync(output)).toEqual([])
    },
  )

  test('a link to a folder is not followed: not to other files, and not in circles', async () => {
    const folder = copyOf()
    const templates = temporaryFolder()
    writeFileSync(join(templates, 'tool_use.jinja'), SECRET)
    symlinkSync(templates, join(folder, 'additional_chat_templates'))
    symlinkSync('/', join(folder, 'everything'))
    expect(modelFiles(folder)).toEqual(modelFiles(tiny))
  })

  test('with a named pipe in place of a file is refused at once', async () => {
    const folder = copyOf()
    rmSync(join(folder, 'config.json'))
    execFileSync('mkfifo', [join(folder, 'config.json')])
    await expect(locateModel(folder)).rejects.toThrow(/is not a regular file/)
  })

  test("a snapshot in the Hub's own cache, whose files are links to its blobs, is read; a blob that leads out is not", async () => {
    const repository = join(temporaryFolder(), 'models--owner--name')
    const snapshot = join(repository, 'snapshots', 'a'.repeat(40))
    mkdirSync(snapshot, { recursive: true })
    mkdirSync(join(repository, 'blobs'))
    for (const name of modelFiles(tiny)) {
      cpSync(join(tiny, name), join(repository, 'blobs', `blob-${name}`))
      symlinkSync(join('..', '..', 'blobs', `blob-${name}`), join(snapshot, name))
    }
    const { output, host: stage } = host()
    await model.run({ spec: snapshot, cache: 'use' }, stage)
    expect(modelFiles(output)).toEqual(modelFiles(tiny))
    expect(await modelSource(snapshot)).toBe(await modelSource(tiny))

    const blob = join(repository, 'blobs', 'blob-tokenizer_config.json')
    rmSync(blob)
    symlinkSync(join(secrets(), 'key.txt'), blob)
    await expect(modelSource(snapshot)).rejects.toThrow(/is a link that leads out of/)
  })

  test.each(['/proc/self/root/etc', '/proc/self/environ', '/dev/zero', '/sys/kernel'])('is never %s', async (path) => {
    await expect(modelSource(path)).rejects.toThrow(
      /may not be named by an input|does not exist|not a regular file|is not a folder|has no config/,
    )
  })
})

describe('a dataset', () => {
  test.each(['/proc/self/environ', '/dev/stdin', '/dev/zero', '/sys/kernel/notes', '/proc/self/../self/environ'])(
    'is never %s',
    async (path) => {
      await expect(readRows(path)).rejects.toThrow(/may not be named by an input/)
      await expect(rowsSource(path)).rejects.toThrow(/may not be named by an input/)
    },
  )
  test('is not a link to such a file either', async () => {
    const link = join(temporaryFolder(), 'rows.jsonl')
    symlinkSync('/proc/self/environ', link)
    await expect(readRows(link)).rejects.toThrow(/may not be named by an input/)
  })
  test('whose name is another file by the time it is read is read as it was opened, or not at all', async () => {
    const folder = temporaryFolder()
    const [file, other] = [join(folder, 'rows.jsonl'), join(secrets(), 'rows.jsonl')]
    writeFileSync(file, '{"id": "mine", "prompt": "mine"}\n')
    let turns = 0
    const swap = setInterval(() => {
      const next = join(folder, `next-${turns++}`)
      if (turns % 2) symlinkSync(other, next)
      else writeFileSync(next, '{"id": "mine", "prompt": "mine"}\n')
      renameSync(next, file)
    }, 1)
    const outcomes = new Set<string>()
    for (let i = 0; i < 150; i++, await new Promise((done) => setTimeout(done, 1)))
      outcomes.add(
        await readRows(file, { within: folder }).then(
          (rows) => JSON.stringify(rows[0]!.value),
          (error: Error) => error.name,
        ),
      )
    clearInterval(swap)
    expect([...outcomes].join()).not.toContain(SECRET)
    expect(outcomes).toContain('{"id":"mine","prompt":"mine"}')
  })
})

describe('where RLAIF_DATA_ROOTS is set', () => {
  const root = temporaryFolder()
  writeFileSync(join(root, 'rows.jsonl'), '{"id": "a", "prompt": "b"}\n')
  cpSync(SHIPPED, join(root, 'task'), { recursive: true })
  const outside = secrets()

  test('inputs name files below it, by any spelling, and no others', async () => {
    const other = temporaryFolder()
    const link = join(other, 'link')
    symlinkSync(root, link)
    withEnvironment({ RLAIF_DATA_ROOTS: `${other}:${link}` })
    expect(await readRows(join(link, 'rows.jsonl'))).toHaveLength(1)
    expect(await readRows(join(root, 'rows.jsonl'))).toHaveLength(1)
    expect(loaded(join(root, 'task')).preference.exemplars.length).toBeGreaterThan(0)
    for (const path of [join(outside, 'rows.jsonl'), `${root}/../${outside.split('/').pop()}/rows.jsonl`, `${root}-2`])
      await expect(readRows(path)).rejects.toThrow(/below one of the folders of RLAIF_DATA_ROOTS/)
    expect(() => taskFolder(outside)).toThrow(/RLAIF_DATA_ROOTS/)
    await expect(modelSource(outside)).rejects.toThrow(/RLAIF_DATA_ROOTS/)
    await expect(modelSource(`file://${outside}`)).rejects.toThrow(/RLAIF_DATA_ROOTS/)
  })

  test('a link below it that leads out is refused', async () => {
    withEnvironment({ RLAIF_DATA_ROOTS: root })
    symlinkSync(join(outside, 'rows.jsonl'), join(root, 'link.jsonl'))
    symlinkSync(outside, join(root, 'folder'))
    await expect(readRows(join(root, 'link.jsonl'))).rejects.toThrow(/RLAIF_DATA_ROOTS/)
    await expect(readRows(join(root, 'folder', 'rows.jsonl'))).rejects.toThrow(/RLAIF_DATA_ROOTS/)
  })

  test('no answer tells whether a file outside it exists', async () => {
    withEnvironment({ RLAIF_DATA_ROOTS: root })
    const answer = (path: string) => readRows(path).catch((error: Error) => error.message.replaceAll(path, '…'))
    expect(await answer(join(outside, 'rows.jsonl'))).toBe(await answer(join(outside, 'nothing.jsonl')))
    expect(await answer(join(outside, 'rows.jsonl'))).not.toContain(root)
  })

  test('RLAIF_STRICT without it: inputs name no files, but what comes with rlaif is there', async () => {
    withEnvironment({ RLAIF_STRICT: '1' })
    await expect(readRows(join(root, 'rows.jsonl'))).rejects.toThrow(/RLAIF_STRICT is set without RLAIF_DATA_ROOTS/)
    const shipped = loaded('harmless')
    expect((await readRows(shipped.prompts, { within: SHIPPED })).length).toBeGreaterThan(1)
    withEnvironment({ RLAIF_STRICT: '1', RLAIF_DATA_ROOTS: root })
    expect(await readRows(join(root, 'rows.jsonl'))).toHaveLength(1)
  })

  test('a second name of a file (a hard link) is that file: it takes the right to write there', async () => {
    linkSync(join(root, 'rows.jsonl'), join(root, 'second.jsonl'))
    expect(await readRows(join(root, 'second.jsonl'))).toHaveLength(1)
  })
})
