// Types of fields that several groups of settings share.
import { z } from 'zod'

export const count = z.number().int().positive()
export const rate = z.number().positive().max(1)
export const probability = z.number().min(0).max(1)
/** Longest path of Linux. */
export const LONGEST_PATH = 4096
/** A name of a file, a model, a task …: messages quote it, and Temporal bounds what lists of runs show of it. */
export const nameGiven = z.string().min(1).max(LONGEST_PATH)
/** Beginnings of keys that could be names of variables: Hugging Face, GitHub, Stripe, Groq, Replicate, AWS, Google. */
const KEY_PREFIX = /^(hf|gh[opsur]|github_pat|sk|pk|rk|gsk|r8)_[A-Za-z0-9_]{16,}$|^A[KS]IA[A-Z0-9]{16}$|^AIza\w{20,}$/
/** Long, of one piece and with digits among small letters: nobody calls a variable so. */
const isRandom = (text: string) => text.length >= 20 && !text.includes('_') && /[a-z]/.test(text) && /\d/.test(text)
const NAME = 'expected the NAME of an environment variable of the worker, never the value itself'

export const environmentName = z
  .string()
  .regex(/^[A-Za-z_]\w*$/, NAME)
  .refine((text) => text.length <= 128 && !KEY_PREFIX.test(text) && !isRandom(text), `looks like a key; ${NAME}`)

/** Parameters of a query that choose a version or a place of the same API, e.g. Azure's `api-version`. */
const OF_VERSION = /^(api[-_]version|version|beta|deployment|project|region|location|provider)=[\w.:~-]{1,64}$/
const isVersion = ({ search, hash }: URL) =>
  hash === '' &&
  search
    .slice(1)
    .split('&')
    .every((one) => OF_VERSION.test(one))

/** Whether an address may have a query: routes of endpoints are put before it. */
export type QueryRule = 'no query' | 'with version'

/**
 * Why an address may not be asked, or undefined. Routes are put behind it: a fragment would swallow them, and any query
 * would let whoever starts a run send any request to any server in reach.
 */
export function addressFault(address: string, query: QueryRule = 'no query'): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be an address that begins with http:// or https://'
  if (url.username || url.password) return 'must not contain a user or a password ("@"); name the key\'s variable'
  if (/[?#]/.test(address) && query === 'no query') return 'must have no query ("?") and no fragment ("#")'
  if (/[?#]/.test(address) && (address.endsWith('#') || !isVersion(url)))
    return 'must have no fragment ("#"), and no query but a version such as ?api-version=2024-10-21; keys go elsewhere'
  if (/[\s\\]|%(2e|2f|5c|00)|\/\.\.?(\/|$)/i.test(address))
    return 'must have a plain path, without "..", "\\", white space or their escapes'
  return undefined
}

/** Refuses an address that may not be asked. */
export const refuseAddress = (
  address: string,
  { addIssue }: Pick<z.core.$RefinementCtx, 'addIssue'>,
  query?: QueryRule,
): void => {
  const fault = addressFault(address, query)
  if (fault !== undefined) addIssue({ code: 'custom', message: fault })
}
