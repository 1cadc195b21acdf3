// What other users of the machine find in a home, and what a full disk leaves there.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createHmac } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { ratingKey } from '../../src/rating/links'
import { openRatingServer, type Evaluation } from '../../src/rating/server'
import { openLocalStack, rlaif } from '../local-stack'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8)

describe('a home', () => {
  test('is closed to other users with every file in it, at a umask that takes nothing away', async () => {
    const before = process.umask(0)
    try {
      const stack = await openLocalStack()
      try {
        expect(modeOf(stack.home)).toBe('700')
        ratingKey(stack.home)
        const files = readdirSync(stack.home).filter((name) => name !== '.gitignore')
        expect(files).toEqual(expect.arrayContaining(['rating.key', 'server.json', 'temporal.db', 'temporal.log']))
        for (const name of files) expect([name, modeOf(join(stack.home, name))]).toEqual([name, '600'])
        expect(readFileSync(join(stack.home, '.gitignore'), 'utf8')).toBe('*\n')
      } finally {
        await stack.close()
      }
    } finally {
      process.umask(before)
    }
  })

  test('that was open is closed, and the command says so; one shared with its group stays so', async () => {
    const nowhere = { TEMPORAL_ADDRESS: '127.0.0.1:9' }
    for (const [mode, then] of [
      [0o755, '700'],
      [0o2775, '2770'],
    ] as const) {
      const home = join(temporaryFolder(), 'home')
      mkdirSync(home)
      writeFileSync(join(home, 'temporal.log'), '', { mode: 0o644 })
      chmodSync(home, mode)
      const { err } = await rlaif(home, ['worker', '--roles', 'label'], nowhere)
      expect(err).toContain(`home: ${home} was open to other users of this machine; it is closed to them now`)
      expect([modeOf(home), modeOf(join(home, 'temporal.log'))]).toEqual([then, '600'])
      expect(existsSync(join(home, '.gitignore'))).toBe(false) // it may be a repository's folder
    }
  })
})

describe('a rating key that a full disk cut short', () => {
  const evaluation: Evaluation = {
    run: 'people',
    view: async () => ({ kind: 'rank', item: null, rated: 0, open: 0, over: true }) as never,
    rate: async () => ({}) as never,
    items: async () => [],
  }
  /** What anybody can compute who guesses that the key is empty. */
  const forged = createHmac('sha256', Buffer.alloc(0))
    .update(JSON.stringify(['people', 'anna']))
    .digest('base64url')

  test.each(['', '\n', '00', 'a'.repeat(63), 'g'.repeat(64)])('(%j) opens no page with a forged link', async (text) => {
    const home = temporaryFolder()
    writeFileSync(join(home, 'rating.key'), text)
    const open = async () => {
      const server = await openRatingServer(evaluation, ratingKey(home), 0, '127.0.0.1')
      const { port } = server.address() as AddressInfo
      const { status } = await fetch(`http://127.0.0.1:${port}/rate/anna/${forged.slice(0, 22)}`)
      server.close()
      return status
    }
    await expect(open()).rejects.toThrow(/rating\.key holds no key \(\d+ characters instead of 64 .*remove it/)
  })

  test('is not there afterwards: it is written whole or not at all', () => {
    const disk = join(temporaryFolder(), 'disk')
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk], { stdio: 'ignore' })
    } catch {
      return // only root may mount
    }
    try {
      const fill = () => writeFileSync(join(disk, 'filling'), Buffer.alloc(1024 ** 2))
      expect(fill).toThrow(/ENOSPC/)
      expect(() => ratingKey(disk)).toThrow(/ENOSPC/)
      expect(readdirSync(disk)).toEqual(['filling'])
    } finally {
      execFileSync('umount', [disk])
    }
  })

  test('and a whole one is kept, and the same for all who ask at once', async () => {
    const home = temporaryFolder()
    const keys = await Promise.all(Array.from({ length: 8 }, async () => ratingKey(home).toString('hex')))
    expect(new Set(keys).size).toBe(1)
    expect(readdirSync(home)).toEqual(['rating.key'])
  })
})

test('a server record that a full disk cut short is said to be so, and does not stop the next start', async () => {
  const home = join(temporaryFolder(), 'home')
  mkdirSync(home, { mode: 0o700 })
  writeFileSync(join(home, 'server.json'), '{"pid": 1,')
  const { err } = await rlaif(home, ['status'], { TEMPORAL_ADDRESS: '127.0.0.1:9' })
  expect(err).toMatch(/server\.json is damaged or of another version/)
  expect(existsSync(join(home, 'server.json'))).toBe(false)
})
