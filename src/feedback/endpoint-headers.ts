// The headers of requests to an endpoint: its key, and others whose values come from the environment. They are sent
// nowhere else.
import type { EndpointSettings } from '../contracts/labeler-settings'
import type { Reach } from './address-rules'
import { DIALECTS } from './dialects'
import { checkAllowance } from './endpoint-allowance'
import { EndpointRefused } from './endpoint-errors'
import type { LabelerRole } from './labeler'

type HeaderSettings = Pick<EndpointSettings, 'baseUrl' | 'apiKeyEnv' | 'headers' | 'dialect'>

/**
 * @returns what requests may connect to: the narrowest of what the key and each header allow
 * @throws InvalidInput if this worker may not ask that address, or may not send one of the variables there
 */
export function reachOf({ baseUrl, apiKeyEnv, headers = {} }: HeaderSettings): Reach {
  const names = [apiKeyEnv, ...Object.values(headers)]
  const reaches = names.map((name) => checkAllowance(baseUrl, name, 'with version'))
  return reaches.find((reach) => reach === 'this machine') ?? reaches[0]!
}

/** @throws EndpointRefused naming the field whose variable is not set, or holds what no header may */
export function headersOf(
  { apiKeyEnv, headers = {}, dialect }: HeaderSettings,
  role: LabelerRole,
): Record<string, string> {
  const all = Object.entries(headers).map(([header, name]) => [
    header.toLowerCase(),
    valueOf(name, `${role}.headers.${header}`, role, false),
  ])
  return { ...keyHeader(apiKeyEnv, dialect, role), ...(Object.fromEntries(all) as Record<string, string>) }
}

function keyHeader(
  apiKeyEnv: string | undefined,
  dialect: EndpointSettings['dialect'],
  role: LabelerRole,
): Record<string, string> {
  if (!apiKeyEnv) return {}
  const key = valueOf(apiKeyEnv, `${role}.apiKeyEnv`, role)
  const { keyHeader: header } = DIALECTS[dialect]
  return header === undefined ? { authorization: `Bearer ${key}` } : { [header]: key }
}

/** Node's message about a header with other characters would quote it. */
const KEY_TEXT = /^[\x21-\x7e]+$/
/** Of a header that is no key alone, such as "Bearer …": a space may stand within it. */
const isHeaderText = (value: string): boolean => value === value.trim() && /^[\x20-\x7e]+$/.test(value)

function valueOf(name: string, field: string, role: LabelerRole, isKey = true): string {
  const value = process.env[name]
  if (!value)
    throw new EndpointRefused(
      `${role}: field "${field}" names ${name}, which is not set where this worker runs; set it and restart the worker`,
    )
  if (!(isKey ? KEY_TEXT.test(value) : isHeaderText(value)))
    throw new EndpointRefused(
      `${role}: the value of ${name}, which field "${field}" names, has white space, line breaks or ` +
        'letters beyond ASCII, which no key has; set it to the key alone and restart the worker',
    )
  return value
}
