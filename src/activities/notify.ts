// Activity `notify`: one message to people outside, as JSON that Slack and others take. Address and key come from the worker's environment.
import { createHmac } from 'node:crypto'
import { ApplicationFailure } from '@temporalio/activity'
import type { Notification } from '../contracts/notification'
import { checkAddress, checkAllowance } from '../feedback/endpoint-allowance'

const TIMEOUT_MS = 20_000
/** Of these the receiver is to mend something before another try can help. */
const REFUSED = new Set([400, 401, 403, 404, 405, 410, 413, 422])

/** @throws a failure that names no secret: neither the address nor the answer's text is in it */
export async function notify({ notify: { url, urlEnv, secretEnv }, text, workflowId }: Notification): Promise<void> {
  const address = url === undefined ? fromEnvironment(urlEnv!, 'urlEnv') : await allowed(url)
  const body = JSON.stringify({ text: withLink(text, workflowId) })
  const headers = {
    'content-type': 'application/json',
    ...(secretEnv !== undefined && signature(body, fromEnvironment(secretEnv, 'secretEnv'))),
  }
  const response = await posted(address, body, headers)
  await response.body?.cancel()
  if (!response.ok)
    throw ApplicationFailure.create({
      message: `notify: the receiver answered ${response.status}`,
      type: 'NotificationRefused',
      nonRetryable: REFUSED.has(response.status),
    })
}

/** An address that whoever started the run chose; one of the worker's environment is the operator's own. */
async function allowed(url: string): Promise<string> {
  try {
    checkAllowance(url)
    await checkAddress(url)
    return url
  } catch (error) {
    throw ApplicationFailure.nonRetryable(`notify: ${(error as Error).message}`, 'NotificationRefused')
  }
}

async function posted(address: string, body: string, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(address, {
      method: 'POST',
      body,
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string }
    throw ApplicationFailure.create({
      message: `notify: the receiver cannot be reached (${code ?? (error as Error).name})`,
      type: 'NotificationFailed',
    })
  }
}

/** A worker that lacks the variable leaves the message to one that has it. */
function fromEnvironment(name: string, field: string): string {
  const value = process.env[name]
  if (!value)
    throw ApplicationFailure.create({
      message: `notify: field "${field}" names ${name}, which is not set in this worker's environment`,
      type: 'NotificationFailed',
    })
  return value
}

/** HMAC-SHA256 of time and body, so that a receiver can tell it from a forgery and from an old one sent again. */
function signature(body: string, key: string): Record<string, string> {
  const time = Math.floor(Date.now() / 1000)
  return {
    'x-rlaif-timestamp': String(time),
    'x-rlaif-signature': `sha256=${createHmac('sha256', key).update(`${time}.${body}`).digest('hex')}`,
  }
}

function withLink(text: string, workflowId: string | undefined): string {
  const ui = process.env.TEMPORAL_UI_URL
  return ui && workflowId
    ? `${text}\n${ui}/namespaces/${process.env.TEMPORAL_NAMESPACE || 'default'}/workflows/${encodeURIComponent(workflowId)}`
    : text
}
