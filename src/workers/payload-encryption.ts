// Encryption of what Temporal stores: inputs, results, failures, memos. Workers and clients read the keys from
// RLAIF_PAYLOAD_KEYS and never send them; the server and whoever reads its database see ciphertext. AES-256-GCM, a
// fresh nonce for each payload; authenticated with it are the key's name and what the payload is bound to: its namespace
// and its workflow id. Who can write to the server but has no key can neither send a payload nor move one between runs.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { DataConverter, Payload, PayloadCodec, SerializationContext } from '@temporalio/common'
import { temporal } from '@temporalio/proto'
import { z } from 'zod'
import { InvalidInput } from '../contracts/parse'
import { isStrict } from '../strict'
import { checkingCodec, encodingOf, isFromOutside, refusal } from './payload-check'

export const PAYLOAD_KEYS = 'RLAIF_PAYLOAD_KEYS'
/** `accept`: payloads that are not encrypted are read although there are keys. */
export const PAYLOAD_PLAIN = 'RLAIF_PAYLOAD_PLAIN'
const ENCODING = 'binary/encrypted'
const CIPHER = 'aes-256-gcm'
const BINDING = 'encryption-bound-to'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32

/** Keys by name; the first one encrypts. */
export type PayloadKeys = ReadonlyMap<string, Buffer>

/**
 * @param given name:key,name:key …, each key 32 bytes in base64
 * @throws InvalidInput whose message contains no key
 */
export function parsePayloadKeys(given: string): PayloadKeys {
  const keys = given.split(',').map((entry, i): [string, Buffer] => {
    const at = entry.indexOf(':')
    const [name, key] = [entry.slice(0, at).trim(), Buffer.from(entry.slice(at + 1).trim(), 'base64')]
    if (at < 1 || !/^[\w.-]{1,64}$/.test(name))
      throw new InvalidInput(
        `${PAYLOAD_KEYS}: entry ${i + 1} must be name:key, with a name of letters, digits, dots and dashes`,
      )
    if (key.length !== KEY_BYTES)
      throw new InvalidInput(
        `${PAYLOAD_KEYS}: key "${name}" has ${key.length} bytes; it must have ${KEY_BYTES}, in base64: ` +
          `\`openssl rand -base64 ${KEY_BYTES}\` makes one`,
      )
    return [name, key]
  })
  if (new Set(keys.map(([name]) => name)).size < keys.length)
    throw new InvalidInput(`${PAYLOAD_KEYS} names a key twice`)
  return new Map(keys)
}

const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('utf8')

/** Whose payload it is. What the codec server encrypts for the UI's form has no workflow id yet. */
const bindingSchema = z.strictObject({ namespace: z.string(), workflowId: z.string().optional() })
export type Binding = z.infer<typeof bindingSchema>

/** A schedule names its runs with the time at the end, and their input is encrypted before there is any. */
const SCHEDULED_AT = /-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
const bindingOf = ({ namespace, workflowId }: Binding | SerializationContext): Binding => ({
  namespace,
  ...(workflowId !== undefined && { workflowId: workflowId.replace(SCHEDULED_AT, '') }),
})

interface CodecOptions {
  /** What becomes of a payload that is refused. A worker ends the run or refuses the message; default: an error. */
  refused?: 'for the workflow to end'
  /** Whether payloads that are not encrypted are read. */
  plain?: 'accept'
  /** For payloads that come without a context. */
  context?: Binding
}

/**
 * Payloads of earlier versions, which are bound to nothing, are decoded as well, as long as their key is known.
 * @throws for payloads that cannot be decrypted, and for refused ones without `refused`
 */
export function encryptingCodec(
  keys: PayloadKeys,
  { refused, plain, context: fixed }: CodecOptions = {},
): PayloadCodec {
  const [name, key] = [...keys][0]!
  const refuse = (reason: string, context: SerializationContext | undefined): Payload => {
    if (refused !== undefined && isFromOutside(context)) return refusal(reason)
    throw new Error(reason)
  }
  const decoded = (payload: Payload, context: SerializationContext | undefined): Payload => {
    if (encodingOf(payload) !== ENCODING)
      return plain === 'accept' || isNothing(payload) ? payload : refuse(NOT_ENCRYPTED, context)
    const opened = decrypted(payload, keys)
    const foreign = context && foreignTo(boundTo(payload), bindingOf(context))
    return foreign === undefined ? opened : refuse(foreign, context)
  }
  return {
    encode: async (payloads, context = fixed as SerializationContext) =>
      payloads.map((payload) => encrypted(payload, name, key, context && JSON.stringify(bindingOf(context)))),
    decode: async (payloads, context) => payloads.map((payload) => decoded(payload, context)),
  }
}

const NOT_ENCRYPTED =
  `payloads: one that is not encrypted is refused, as ${PAYLOAD_KEYS} is set: start the run with \`rlaif run\` and the ` +
  `keys, or connect the UI to the codec server; ${PAYLOAD_PLAIN}=accept lets runs go on that began without keys`

/** No value at all, which Temporal itself writes. */
const isNothing = (payload: Payload) => encodingOf(payload) === 'binary/null'

const boundTo = ({ metadata }: Payload): Binding | undefined =>
  metadata?.[BINDING] && bindingSchema.parse(JSON.parse(text(metadata[BINDING])))

function foreignTo(bound: Binding | undefined, own: Binding): string | undefined {
  if (!bound) return undefined
  if (bound.namespace === own.namespace && [undefined, own.workflowId].includes(bound.workflowId)) return undefined
  return `payloads: one that was encrypted for "${bound.workflowId}" in ${bound.namespace} is refused in another run`
}

/** What is authenticated with the bytes; without a binding, as earlier versions did. */
const authenticated = (name: string, binding: string | undefined) =>
  Buffer.from(binding === undefined ? name : `${name}\n${binding}`)

function encrypted(payload: Payload, name: string, key: Buffer, binding: string | undefined): Payload {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(authenticated(name, binding))
  const plain = temporal.api.common.v1.Payload.encode(payload).finish()
  const data = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return {
    metadata: {
      encoding: Buffer.from(ENCODING),
      'encryption-cipher': Buffer.from(CIPHER),
      'encryption-key-id': Buffer.from(name),
      ...(binding !== undefined && { [BINDING]: Buffer.from(binding) }),
    },
    data,
  }
}

/** @throws when the key is missing, or the bytes are not what was encrypted */
function decrypted({ metadata, data }: Payload, keys: PayloadKeys): Payload {
  const name = text(metadata?.['encryption-key-id'])
  const key = keys.get(name)
  if (!key)
    throw new Error(
      `payloads: encrypted with key "${name}", which is not in ${PAYLOAD_KEYS}; add it after the key that encrypts`,
    )
  const bytes = Buffer.from(data ?? [])
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('payloads: an encrypted payload is cut short')
  const binding = metadata?.[BINDING] && text(metadata[BINDING])
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES)).setAAD(authenticated(name, binding))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return temporal.api.common.v1.Payload.decode(
      Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]),
    )
  } catch (error) {
    throw new Error(
      `payloads: a payload of key "${name}" cannot be decrypted: it was changed, or that name now has another key`,
      { cause: error },
    )
  }
}

/** The keys of this process. @throws InvalidInput when there are none and RLAIF_STRICT asks for them */
function configuredKeys(): PayloadKeys | undefined {
  const given = process.env[PAYLOAD_KEYS]
  if (given) return parsePayloadKeys(given)
  if (!isStrict()) return undefined
  throw new InvalidInput(
    `RLAIF_STRICT is set without ${PAYLOAD_KEYS}: set it to name:key, the same for all workers and clients; ` +
      `\`openssl rand -base64 ${KEY_BYTES}\` makes a key`,
  )
}

const encryptingFailures = { failureConverterPath: require.resolve('../workflows/encrypting-failure-converter') }
const acceptsPlain = () => process.env[PAYLOAD_PLAIN] === 'accept' && !isStrict() && ({ plain: 'accept' } as const)

/** The data converter of clients; undefined without keys. @throws InvalidInput */
export function encryptingConverter(): DataConverter | undefined {
  const keys = configuredKeys()
  return keys && { payloadCodecs: [encryptingCodec(keys, { ...acceptsPlain() })], ...encryptingFailures }
}

/** The data converter of workers. @throws InvalidInput */
export function workerConverter(): DataConverter {
  const keys = configuredKeys()
  if (!keys)
    return {
      payloadCodecs: [checkingCodec],
      failureConverterPath: require.resolve('../workflows/failure-converter'),
    }
  const encrypting = encryptingCodec(keys, { ...acceptsPlain(), refused: 'for the workflow to end' })
  return { payloadCodecs: [checkingCodec, encrypting], ...encryptingFailures }
}
