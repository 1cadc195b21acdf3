// Names that lead out of their folder: artifacts, tasks and their files, files of the Hub. And text that would control
// the terminal.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fileStore } from '../../src/artifacts/file-store'
import { lines } from '../../src/cli/progress'
import { plainText } from '../../src/cli/terminal'
import { readRows } from '../../src/data/source'
import { readTask, taskFolder } from '../../src/data/task'
import { locateModel } from '../../src/model/locate'
import { temporaryFolder } from '../tiny-folder'

const root = temporaryFolder()
const store = fileStore(join(root, 'store'))
const artifact = (uri: string) => ({ uri, sha256: '0'.repeat(64), bytes: 1, summary: {} })

test.each([
  pathToFileURL('/etc').href,
  `${pathToFileURL(join(root, 'store')).href}/../outside`,
  `${pathToFileURL(join(root, 'store')).href}/%2e%2e/outside`,
  `${pathToFileURL(join(root, 'store')).href}-of-somebody-else/x`,
  `${pathToFileURL(join(root, 'store')).href}/sft/%2e%2e/%2e%2e/outside`,
])('an artifact outside the store is refused: %s', async (uri) => {
  mkdirSync(join(root, 'outside'), { recursive: true })
  writeFileSync(join(root, 'outside', 'manifest.json'), '{}')
  await expect(store.open(artifact(uri))).rejects.toThrow(/is not inside this worker's store/)
  await expect(store.describe(uri)).rejects.toThrow(/is not inside this worker's store/)
})

test.each(['file://example.com/share/x', 'file:///store/%2Fetc', 'file:///%00'])(
  'a URI that is not a path of this machine is refused: %s',
  async (uri) => {
    await expect(store.open(artifact(uri))).rejects.toThrow(
      /File URL host must be|must not include encoded|is not inside this worker's store|null bytes/,
    )
  },
)

test.each(['../../etc', '..', 'tasks/../../x', '/etc', 'harmless/../../../etc', 'a\u0000b'])(
  'a name that is not a task is refused: %j',
  (task) => {
    expect(() => taskFolder(task)).toThrow(/field "task" got .* which is neither|null bytes/)
  },
)

test("a task's files must be in its own folder", () => {
  const folder = temporaryFolder()
  const file = readFileSync(resolve(__dirname, '..', '..', 'tasks', 'harmless', 'task.json'), 'utf8')
  for (const name of ['../secret.txt', '/etc/passwd', 'a/b.txt', '..']) {
    writeFileSync(join(folder, 'task.json'), file.replace(/"[\w-]+\.txt"/, JSON.stringify(name)))
    expect(() => readTask(folder)).toThrow(/must lie in the task's own folder|does not exist/)
  }
})

test.each([
  'hf:datasets/owner/name/../../../../etc/passwd',
  'hf:datasets/../../x/y.jsonl',
  'hf:datasets/owner/name/a/..%2f..%2fetc',
])('a file of the Hub with a path that leads elsewhere is refused: %s', async (path) => {
  await expect(readRows(path)).rejects.toThrow(/from the Hub it is hf:datasets\/owner\/name/)
})

test.each(['hf:../../etc', 'hf:owner/name@../../x', 'hf:owner'])(
  'a model of the Hub with a name that leads elsewhere is refused: %s',
  async (spec) => {
    await expect(locateModel(spec)).rejects.toThrow(/is not of the form hf:owner\/name/)
  },
)

test('a commit id with a path in it, returned by a hub, is refused', async () => {
  const hub = createServer((_, response) =>
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        _id: 'x',
        id: 'a/b',
        modelId: 'a/b',
        sha: '../../../../outside',
        private: false,
        gated: false,
        downloads: 0,
        likes: 0,
        lastModified: '2026-01-01',
        siblings: [],
      }),
    ),
  )
  await new Promise<void>((up) => hub.listen(0, '127.0.0.1', up))
  process.env.HF_ENDPOINT = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`
  try {
    await expect(locateModel('hf:a/b')).rejects.toThrow(
      /returned "\.\.\/\.\.\/\.\.\/\.\.\/outside", which is not a commit/,
    )
    await expect(readRows('hf:datasets/a/b/rows.jsonl')).rejects.toThrow(/which is not a commit/)
  } finally {
    delete process.env.HF_ENDPOINT
    hub.closeAllConnections()
    hub.close()
  }
})

test('text from outside cannot move the cursor, clear the screen or imitate a line of the command', () => {
  expect(plainText('label: \u001b[2J\u001b[1;1Hall is well\rDONE \u009b31m\u0007')).toBe(
    'label: �[2J�[1;1Hall is well�DONE �31m�',
  )
  expect(plainText('two\nlines\tand a tab')).toBe('two\nlines\tand a tab')
  const [line] = lines({ stages: [{ stage: 'label', state: 'parked', message: '\u001b[2Jx' }] })
  expect(line).not.toContain('\u001b')
})
