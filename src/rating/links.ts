// Each rater's own link. Its token is computed from a key that stays in RLAIF_HOME, so that neither Temporal nor an
// artifact holds it.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidInput } from '../contracts/parse'
import { makePrivateFile } from '../private-files'

const KEY_BYTES = 32

/**
 * The key of this home; created at the first call.
 * @throws InvalidInput when the file holds no whole key: with an empty one, say, anybody could make links
 */
export function ratingKey(home: string): Buffer {
  const file = join(home, 'rating.key')
  if (!existsSync(file)) makePrivateFile(file, randomBytes(KEY_BYTES).toString('hex'))
  const text = readFileSync(file, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new InvalidInput(
      `rate: ${file} holds no key (${text.length} characters instead of ${2 * KEY_BYTES} hexadecimal digits), perhaps ` +
        'because the disk was full; remove it, and give every rater the new link that is printed then',
    )
  return Buffer.from(text, 'hex')
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
