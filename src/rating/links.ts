// Each rater's own link. Its token is computed from a key that stays in RLAIF_HOME, so that neither Temporal nor an
// artifact holds it.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const KEY_BYTES = 32

/** The key of this home; created at the first call. */
export function ratingKey(home: string): Buffer {
  const file = join(home, 'rating.key')
  if (!existsSync(file)) writeFileSync(file, randomBytes(KEY_BYTES).toString('hex'), { mode: 0o600, flag: 'wx' })
  return Buffer.from(readFileSync(file, 'utf8').trim(), 'hex')
}

const tokenOf = (key: Buffer, run: string, rater: string): string =>
  createHmac('sha256', key)
    .update(JSON.stringify([run, rater]))
    .digest('base64url')
    .slice(0, 22)

export function isToken(key: Buffer, run: string, rater: string, given: string): boolean {
  const expected = Buffer.from(tokenOf(key, run, rater))
  const received = Buffer.from(given)
  return expected.length === received.length && timingSafeEqual(expected, received)
}

/** Path of a rater's page. */
export const linkOf = (key: Buffer, run: string, rater: string): string =>
  `/rate/${encodeURIComponent(rater)}/${tokenOf(key, run, rater)}`
