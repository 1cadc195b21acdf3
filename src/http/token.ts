// The tokens that our servers ask for, each in a variable of its own.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { InvalidInput } from '../contracts/parse'
import { isStrict } from '../strict'

/**
 * The token in the variable; undefined if it is not set and none is needed.
 * @param server the server's name in messages
 * @param needed why there must be one, if there must; with RLAIF_STRICT=1 there always must
 * @throws InvalidInput naming the variable
 */
export function tokenOf(variable: string, server: string, needed?: string): string | undefined {
  const token = process.env[variable]?.trim() || undefined
  const reason = isStrict() ? 'RLAIF_STRICT=1 lets no server run without a token' : needed
  if (token === undefined && reason !== undefined)
    throw new InvalidInput(`${server}: ${reason}; set ${variable}, e.g. to what \`openssl rand -hex 32\` prints`)
  return token
}

/** Compares in constant time. @param token undefined if none is required */
export const hasToken = ({ headers }: IncomingMessage, token: string | undefined, inUrl?: string | null): boolean =>
  token === undefined || isSame(/^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? inUrl ?? '', token)

/** Compares digests, which have equal lengths, in constant time. */
export function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
