// What a worker hands to a workflow's sandbox must be something that it can convert and check: a payload on which the
// conversion itself fails would leave the run in endless failures of its workflow task. Such a payload is replaced by one
// that says why it is refused (contracts/readable.ts), and the check of the input, message or update ends it.
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common'
import { MOST_LEVELS, refusedPayload } from '../contracts/readable'

const JSON_PLAIN = 'json/plain'
/** What Temporal's own converter reads, without a schema of protocol buffers. */
const READABLE = new Set([JSON_PLAIN, 'binary/null', 'binary/plain'])

export const encodingOf = ({ metadata }: Payload): string => Buffer.from(metadata?.encoding ?? []).toString('utf8')

/** A payload in the place of one that is refused. */
export const refusal = (reason: string): Payload => ({
  metadata: { encoding: Buffer.from(JSON_PLAIN) },
  data: Buffer.from(JSON.stringify(refusedPayload(reason))),
})

/**
 * Whether a payload may come from outside: what activities return comes from workers, and must not be replaced in a
 * workflow that already relies on it.
 */
export const isFromOutside = (context: SerializationContext | undefined): boolean => context?.type === 'workflow'

/** For workers. */
export const checkingCodec: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads),
  decode: (payloads, context) =>
    Promise.resolve(isFromOutside(context) ? payloads.map((payload) => checked(payload)) : payloads),
}

function checked(payload: Payload): Payload {
  const fault = faultOf(payload)
  return fault === undefined ? payload : refusal(`payloads: ${fault}`)
}

function faultOf(payload: Payload): string | undefined {
  const encoding = encodingOf(payload)
  if (!READABLE.has(encoding))
    return `a payload has the encoding "${encoding.slice(0, 40)}", which is not read here; send JSON`
  if (encoding !== JSON_PLAIN) return undefined
  const bytes = Buffer.from(payload.data ?? [])
  if (isNestedDeeper(bytes, MOST_LEVELS)) return `the input is nested deeper than ${MOST_LEVELS} levels`
  try {
    JSON.parse(bytes.toString('utf8'))
    return undefined
  } catch {
    return 'a payload is not JSON, although its encoding says so'
  }
}

const [QUOTE, BACKSLASH] = ['"'.charCodeAt(0), '\\'.charCodeAt(0)]
const OPENING = new Set([...'[{'].map((character) => character.charCodeAt(0)))
const CLOSING = new Set([...']}'].map((character) => character.charCodeAt(0)))

/** By the brackets outside of strings alone: parsing what is nested deeply would already take more. */
function isNestedDeeper(json: Uint8Array, levels: number): boolean {
  let depth = 0
  let isInString = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!
    if (isInString && byte === BACKSLASH) at++
    else if (byte === QUOTE) isInString = !isInString
    else if (!isInString && OPENING.has(byte) && ++depth > levels) return true
    else if (!isInString && CLOSING.has(byte)) depth--
  }
  return false
}
