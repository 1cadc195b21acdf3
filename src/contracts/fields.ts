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

/**
 * Why an address may not be asked, or undefined. Routes are put behind it: a query or a fragment would swallow them, and
 * let whoever starts a run send any request to any server in reach.
 */
export function addressFault(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be an address that begins with http:// or https://'
  if (url.username || url.password) return 'must not contain a user or a password ("@"); name the key\'s variable'
  if (/[?#]/.test(address)) return 'must have no query ("?") and no fragment ("#")'
  if (/[\s\\]|%(2e|2f|5c|00)|\/\.\.?(\/|$)/i.test(address))
    return 'must have a plain path, without "..", "\\", white space or their escapes'
  return undefined
}

/** Refuses an address that may not be asked. */
export const refuseAddress = (address: string, { addIssue }: Pick<z.core.$RefinementCtx, 'addIssue'>): void => {
  const fault = addressFault(address)
  if (fault !== undefined) addIssue({ code: 'custom', message: fault })
}
