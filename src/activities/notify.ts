// Activity `notify`: sends one message to people, as JSON that Slack and others accept. Address and key come from the
// worker's environment, from variables that are named as meant for it: whoever starts a run names them.
import { createHmac } from 'node:crypto'
import { ApplicationFailure, Context } from '@temporalio/activity'
import type { Notification } from '../contracts/notification'
import type { Notify } from '../contracts/run-settings'
import type { Reach } from '../feedback/address-rules'
import { checkAllowance } from '../feedback/endpoint-allowance'
import { EndpointRefused } from '../feedback/endpoint-errors'
import { post, type Reply } from '../feedback/post'
import { redact } from '../secrets'

const TIMEOUT_MS = 20_000
/** Statuses after which another attempt cannot help before somebody corrects something. */
const REFUSED = new Set([400, 401, 403, 404, 405, 410, 413, 422])

/** Names of variables that may hold the address of a message, and of those that may hold the key of its signature. */
const MEANT_FOR = { urlEnv: /^RLAIF_NOTIFY_\w+$|(^|_)WEBHOOK(_URL)?$/, secretEnv: /^RLAIF_NOTIFY_\w+$/ }
const NAMES = { urlEnv: 'RLAIF_NOTIFY_… or …_WEBHOOK_URL', secretEnv: 'RLAIF_NOTIFY_…' }

/** @throws a failure without secrets: it contains neither the address nor the text of the answer */
export async function notify({ notify: { url, urlEnv, secretEnv }, text, workflowId }: Notification): Promise<void> {
  const reach = url === undefined ? 'named' : reachOf(url)
  const address = url ?? fromEnvironment(urlEnv!, 'urlEnv')
  const body = JSON.stringify({ text: withLink(redact(text), workflowId) })
  const headers = {
    'content-type': 'application/json',
    ...(secretEnv !== undefined && signature(body, fromEnvironment(secretEnv, 'secretEnv'))),
  }
  const { status, discard } = await delivered(address, { body, headers, reach })
  discard()
  if (status < 200 || status >= 300)
    throw ApplicationFailure.create({
      message: `notify: the receiver answered ${status}`,
      type: 'NotificationRefused',
      nonRetryable: REFUSED.has(status),
    })
}

/**
 * Checks an address chosen by whoever started the run; one from the worker's environment was chosen by its operator.
 */
function reachOf(url: string): Reach {
  try {
    return checkAllowance(url)
  } catch (error) {
    throw refused((error as Error).message)
  }
}

const refused = (reason: string) => ApplicationFailure.nonRetryable(`notify: ${reason}`, 'NotificationRefused')

interface Message {
  body: string
  headers: Record<string, string>
  reach: Reach
}

async function delivered(address: string, message: Message): Promise<Reply> {
  try {
    return await post(address, { ...message, timeoutMs: TIMEOUT_MS })
  } catch (error) {
    if (error instanceof EndpointRefused) throw refused(error.message)
    throw ApplicationFailure.create({
      message: `notify: the receiver cannot be reached (${(error as NodeJS.ErrnoException).code ?? (error as Error).name})`,
      type: 'NotificationFailed',
    })
  }
}

const unset = (name: string, field: string) =>
  `field "${field}" names ${name}, which is not set in this worker's environment: ` +
  'set it where the workers of the role workflow start, and start them again'

/** Why messages of a run would not be sent from here, or undefined. */
export function faultOfNotify({ urlEnv, secretEnv }: Notify): string | undefined {
  const [field, name] = Object.entries({ urlEnv, secretEnv }).find(([, name]) => name && !process.env[name]) ?? []
  return name && `notify: ${unset(name, field!)}. Until then, no message of this run is sent`
}

/** Attempts after which no worker of the queue is expected to have a variable; one after the other, other ones take them. */
const ASKED_WORKERS = 3

/** A variable that is not set: another worker may have it, and if none has, the message fails within seconds. */
function fromEnvironment(name: string, field: 'urlEnv' | 'secretEnv'): string {
  if (!MEANT_FOR[field].test(name))
    throw refused(
      `field "${field}" names ${name}, which may hold something else: only variables called ${NAMES[field]} are used; ` +
        `put its value into one, e.g. RLAIF_NOTIFY_${field === 'urlEnv' ? 'URL' : 'KEY'}`,
    )
  const value = process.env[name]
  if (value) return value
  throw ApplicationFailure.create({
    message: `notify: ${unset(name, field)}`,
    type: 'NotificationFailed',
    nonRetryable: Context.current().info.attempt >= ASKED_WORKERS,
    nextRetryDelay: '1 second',
  })
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
