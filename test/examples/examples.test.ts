// Every program in examples/ runs as its first lines say, with the stand-in as the labeler or a tiny model.
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { startEndpoint } from '../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(240_000)

const project = resolve(__dirname, '..', '..')
const folder = join(project, 'examples')
const run = async (name: string, ...args: string[]) =>
  (await promisify(execFile)(process.execPath, [join(folder, name), ...args], { timeout: 55_000 })).stdout
/** The probability that the stand-in gives a text against one that is `longer` characters longer. */
const preferred = (longer: number) => 1 / (1 + Math.exp(-longer / 40))

test('each file of the folder is an example that is run here, or the stand-in that they use', () => {
  expect(readdirSync(folder).sort()).toEqual([
    'label-pairs.mjs',
    'reward-model.mjs',
    'score-responses.mjs',
    'stand-in.mjs',
  ])
})

test('label-pairs prints the probability of each pair, averaged over both orders', async () => {
  const output = await run('label-pairs.mjs')
  const labels = [...output.matchAll(/P\(first is better\) = ([\d.]+)/g)].map(([, p]) => Number(p))
  // 50 characters against 99, and 91 against 64
  expect(labels).toEqual([preferred(99 - 50), preferred(64 - 91)].map((p) => Number(p.toFixed(3))))
  expect(output).toMatch(/Asked stand-in at 127\.0\.0\.1:\d+: 4 requests/)
})

test('score-responses prints the expected score of each response', async () => {
  const scores = [...(await run('score-responses.mjs')).matchAll(/^(-?[\d.]+) {2}/gm)].map(([, score]) => Number(score))
  const expected = [12, 50, 300].map((length) => {
    const peak = 10 - length / 40
    const weights = Array.from({ length: 10 }, (_, i) => Math.exp(-Math.abs(i + 1 - peak)))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const mean = weights.reduce((sum, weight, i) => sum + (weight / total) * (i + 1), 0)
    return (mean - 5.5) / 4.5
  })
  scores.forEach((score, i) => expect(score).toBeCloseTo(expected[i]!, 2))
  expect(scores).toHaveLength(3)
})

test('both ask the endpoint and the model that they are given instead', async () => {
  const endpoint = await startEndpoint(() => ({ 1: 0.5, 2: 0.5 }))
  expect(await run('label-pairs.mjs', endpoint.baseUrl, 'mine')).toMatch(/= 0\.500[\s\S]*Asked mine at/)
  expect(await run('score-responses.mjs', endpoint.baseUrl, 'mine')).toMatch(/^-0\.889 /) // (1.5 − 5.5) / 4.5
  expect(new Set(endpoint.bodies.map(({ model }) => model))).toEqual(new Set(['mine']))
  await endpoint.close()
})

test('reward-model learns its pairs, and the stored model orders responses to a new prompt', async () => {
  const output = await run('reward-model.mjs')
  const losses = [...output.matchAll(/loss ([\d.]+)/g)].map(([, loss]) => Number(loss))
  // No loss on labels of 0.9 is below their entropy.
  expect(losses.at(-1)!).toBeGreaterThanOrEqual(Number((-(0.9 * Math.log(0.9) + 0.1 * Math.log(0.1))).toFixed(3)))
  expect(losses.at(-1)!).toBeLessThan(0.5)
  expect(output).toContain('accuracy on the last batch: 1\n')
  const [kind, rude] = [...output.matchAll(/^(-?[\d.]+) {2}/gm)].map(([, score]) => Number(score))
  expect(kind!).toBeGreaterThan(rude!)
})

describe('docs/api.md', () => {
  const text = readFileSync(join(project, 'docs', 'api.md'), 'utf8')
  const { exports: entries } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
    exports: Record<string, { default: string } | string>
  }

  test('lists every entry of the package', () => {
    const names = Object.keys(entries).filter((name) => name !== './package.json')
    expect([...text.matchAll(/^\| `(rlaif[\w/-]*)` /gm)].map(([, name]) => name!.replace('rlaif', '.')).sort()).toEqual(
      names.sort(),
    )
  })

  test('every schema and function that its tables name is exported', () => {
    const rooms = Object.entries(entries).flatMap(([name, entry]) => (typeof entry === 'string' ? [] : [[name, entry]]))
    const exported = rooms.map(([, entry]) => {
      const { default: file } = entry as { default: string }
      return readFileSync(join(project, file.replace('/dist/', '/src/').replace(/js$/, 'ts')), 'utf8')
    })
    const table = text.slice(text.indexOf('| function | settings'), text.indexOf('`parse(schema'))
    const names = [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name!)
    const listed = names.filter((name) => /Schema$|^(train|judge|measure|read|human|endpoint)/.test(name))
    expect(listed.length).toBeGreaterThan(15)
    for (const name of listed)
      expect([name, exported.join('\n')]).toEqual([name, expect.stringMatching(`\\b${name}\\b`)])
  })

  const blocks = [...text.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code!)

  /** What a block prints, in a project that has the package; the last one is run in test/cli/end-to-end.test.ts. */
  async function printed(code: string): Promise<string> {
    const own = temporaryFolder()
    mkdirSync(join(own, 'node_modules'))
    symlinkSync(project, join(own, 'node_modules', 'rlaif'))
    writeFileSync(join(own, 'block.mjs'), code)
    const ran = promisify(execFile)(process.execPath, ['block.mjs'], { cwd: own, timeout: 110_000 })
    return (await ran).stdout.trim()
  }
  const numbersIn = (output: string) => [...output.matchAll(/-?\d+\.\d+/g)].map(Number)

  test('its blocks that ask an endpoint run as they are', async () => {
    const endpoint = await startEndpoint((prompt) => (/1 to 10/.test(prompt) ? { 8: 1 } : { 1: 0.5, 2: 0.5 }))
    const asking = blocks.filter((code) => code.includes('8000'))
    expect(asking).toHaveLength(2)
    const [label, scores] = await Promise.all(
      asking.map((code) => printed(code.replace('http://127.0.0.1:8000/v1', endpoint.baseUrl))),
    )
    await endpoint.close()
    expect(label).toBe('0.5')
    expect(numbersIn(scores!)).toEqual([expect.closeTo(2.5 / 4.5), expect.closeTo(2.5 / 4.5)])
  })

  test('its blocks with a local model run as they are, here on a tiny model', async () => {
    const model = writeTinyFolder()
    const local = blocks.filter((code) => code.includes("locateModel('default')"))
    expect(local).toHaveLength(2)
    for (const code of local) {
      const numbers = numbersIn(await printed(code.replace("locateModel('default')", `locateModel('${model}')`)))
      expect(numbers.length).toBeGreaterThan(0)
      expect(numbers.every(Number.isFinite)).toBe(true)
    }
  })
})
