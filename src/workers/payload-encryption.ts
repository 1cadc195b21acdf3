// Encryption of what Temporal stores: inputs, results, failures, memos. Workers and clients read the keys from
// RLAIF_PAYLOAD_KEYS and never send them; the server and whoever reads its database see ciphertext. AES-256-GCM, a
// fresh nonce for each payload, the key's name authenticated.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common'
import { temporal } from '@temporalio/proto'
import { InvalidInput } from '../contracts/parse'

export const PAYLOAD_KEYS = 'RLAIF_PAYLOAD_KEYS'
const ENCODING = 'binary/encrypted'
const CIPHER = 'aes-256-gcm'
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

/** Payloads that are not encrypted, such as an input from the UI's form, are decoded as they are. */
export function encryptingCodec(keys: PayloadKeys): PayloadCodec {
  const [name, key] = [...keys][0]!
  return {
    encode: async (payloads) => payloads.map((payload) => encrypted(payload, name, key)),
    decode: async (payloads) =>
      payloads.map((payload) => (text(payload.metadata?.encoding) === ENCODING ? decrypted(payload, keys) : payload)),
  }
}

function encrypted(payload: Payload, name: string, key: Buffer): Payload {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(name))
  const plain = temporal.api.common.v1.Payload.encode(payload).finish()
  const data = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return {
    metadata: {
      encoding: Buffer.from(ENCODING),
      'encryption-cipher': Buffer.from(CIPHER),
      'encryption-key-id': Buffer.from(name),
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
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(name))
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

/** The data converter of clients and workers; undefined without keys. */
export function encryptingConverter(): DataConverter | undefined {
  const given = process.env[PAYLOAD_KEYS]
  if (!given) return undefined
  return {
    payloadCodecs: [encryptingCodec(parsePayloadKeys(given))],
    failureConverterPath: require.resolve('../workflows/failure-converter'),
  }
}
