// What an endpoint says about an error, as a message may quote it: without secrets, and short.
import { z } from 'zod'
import { redact } from '../secrets'
import { parseReply } from './reply-json'

/** Characters of an endpoint's text in a message. */
const MAX_QUOTED = 300
const MAX_LOCATION = 200
/** Looked through for what an endpoint says; the rest is never quoted. */
const MAX_READ = 64 * 1024

/** Of OpenAI and most others, of vLLM, of FastAPI, of AWS. */
const errorSchema = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
  z.object({ detail: z.array(z.object({ msg: z.string() })).min(1) }).transform(({ detail }) => detail[0]!.msg),
])

/** The message of an endpoint's JSON, and of other bodies the beginning; fields that are not meant for people are not
 * quoted. Redacted before it is cut: of half a key, nobody could tell that it is one. */
export function errorText(body: string): string {
  const json = parseReply(body.slice(0, MAX_READ))
  if (typeof json !== 'object' || json === null) return quoted(body.slice(0, MAX_READ), MAX_QUOTED)
  const { data } = errorSchema.safeParse(Array.isArray(json) ? json[0] : json)
  return data === undefined ? '(JSON without a message)' : quoted(data.slice(0, MAX_READ), MAX_QUOTED)
}

/** Where a redirect leads: without what its query may hold, and who its user is. */
export function shownLocation(location = 'nowhere'): string {
  const url = URL.canParse(location) ? new URL(location) : undefined
  return quoted(url ? `${url.protocol}//${url.host}${url.pathname}` : location.split(/[?#]/)[0]!, MAX_LOCATION)
}

const quoted = (text: string, most: number) => redact(text).slice(0, most)
