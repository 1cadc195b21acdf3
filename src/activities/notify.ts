// Activity `notify`: sends one message to people, as JSON that Slack and others accept. Address and key come from the
// worker's environment.
import { createHmac } from 'node:crypto'
import { ApplicationFailure } from '@temporalio/activity'
import type { Notification } from '../contracts/notification'
import { checkAddress, checkAllowance } from '../feedback/endpoint-allowance'

const TIMEOUT_MS = 20_000
/** Statuses after which another attempt cannot help before somebody corrects something. */
const REFUSED = new Set([400, 401, 403, 404, 405, 410, 413, 422])

/** @throws a failure without secrets: it contains neither the address nor the text of the answer */
export async function notify({ notify: { url, urlEnv, secretEnv }, text, workflowId }: Notification): Promise<void> {
  const address = url === undefined ? fromEnvironment(urlEnv!, 'urlEnv') : await checked(url)
  const body = JSON.stringify({ text: withLink(text, workflowId) })
  const headers = {
    'content-type': 'application/json',
    ...(secretEnv !== undefined && signature(body, fromEnvironment(secretEnv, 'secretEnv'))),
  }
  const response = await post(address, body, headers)
  await response.body?.cancel()
  if (!response.ok)
    throw ApplicationFailure.create({
      message: `notify: the receiver answered ${response.status}`,
      type: 'NotificationRefused',
      nonRetryable: REFUSED.has(response.status),
    })
}

/**
 * Checks an address chosen by whoever started the run; one from the worker's environment was chosen by its operator.
 */
async function checked(url: string): Promise<string> {
  try {
    checkAllowance(url)
    await checkAddress(url)
    return url
  } catch (error) {
    throw ApplicationFailure.nonRetryable(`notify: ${(error as Error).message}`, 'NotificationRefused')
  }
}

async function post(address: string, body: string, headers: Record<string, string>): Promise<Response> {
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

/** The failure is retryable: another worker may have the variable. */
function fromEnvironment(name: string, field: string): string {
  const value = process.env[name]
  if (!value)
    throw ApplicationFailure.create({
      message: `notify: field "${field}" names ${name}, which is not set in this worker's environment`,
      type: 'NotificationFailed',
    })
  return value
}

/** HMAC-SHA256 of time and body, by which a receiver detects forged and replayed messages. */
function signature(body: string, key: string): Record<string, string> {
  const time = Math.floor(Date.now() / 1000)
  return {
    'x-rlaif-timestamp': String(time),
    'x-rlaif-signature': `sha256=${createHmac('sha256', key).update(`${time}.${body}`).digest('hex')}`,
  }
}

function withLink(text: string, workflowId: string | undefined): string {
  const ui = process.env.TEMPORAL_UI_URL
  if (!ui || !workflowId) return text
  const namespace = process.env.TEMPORAL_NAMESPACE || 'default'
  return `${text}\n${ui}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`
}
