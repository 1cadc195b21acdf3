// The tracker that a run names, as this worker reaches it.
import { join } from 'node:path'
import type { MlflowSettings, Track } from '../contracts/track'
import { checkAllowance } from '../feedback/endpoint-allowance'
import { post } from '../feedback/post'
import { openMlflow, type Ask } from '../tracking/mlflow'
import type { Tracker } from '../tracking/tracker'
import { openWandb } from '../tracking/wandb'

const TIMEOUT_MS = 10_000
const MOST_BYTES = 16 * 2 ** 20
const MOST_QUOTED = 300

export const nameOf = (track: Track): string => ('mlflow' in track ? 'MLflow' : 'Weights & Biases')

/** @param home RLAIF_HOME, which has the folders for `wandb sync` */
export const trackerOf = (track: Track, home: string): Tracker =>
  'mlflow' in track ? openMlflow(track.mlflow, asking(track.mlflow)) : openWandb(track.wandb, join(home, 'wandb'))

/** Why a tracker would not be told of a run from here, or undefined. */
export function faultOfTrack(track: Track): string | undefined {
  if (!('mlflow' in track)) return undefined
  try {
    checkAllowance(track.mlflow.url, track.mlflow.tokenEnv)
    tokenOf(track.mlflow)
    return undefined
  } catch (error) {
    return `track: ${(error as Error).message}. Until then, MLflow is not told of this run`
  }
}

function tokenOf({ tokenEnv }: MlflowSettings): string | undefined {
  if (tokenEnv === undefined) return undefined
  const token = process.env[tokenEnv]
  if (token) return token
  throw new Error(
    `field "track.mlflow.tokenEnv" names ${tokenEnv}, which is not set in this worker's environment: set it where the ` +
      'worker starts, and start it again',
  )
}

/** An answer of a tracker that is no success. */
class TrackerRefused extends Error {
  override name = 'TrackerRefused'
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

const asking =
  (settings: MlflowSettings): Ask =>
  async (method, path, body) => {
    const reach = checkAllowance(settings.url, settings.tokenEnv)
    const token = tokenOf(settings)
    const isFile = Buffer.isBuffer(body)
    const reply = await post(`${settings.url}${settings.url.endsWith('/') ? '' : '/'}${path}`, {
      method,
      headers: {
        'content-type': isFile ? 'text/html' : 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: isFile ? body : body === undefined ? '' : JSON.stringify(body),
      reach,
      timeoutMs: TIMEOUT_MS,
    })
    const text = await reply.text(MOST_BYTES)
    if (reply.status < 200 || reply.status >= 300)
      throw new TrackerRefused(reply.status, `MLflow answered ${reply.status}: ${text.slice(0, MOST_QUOTED)}`)
    return text === '' ? {} : (JSON.parse(text) as unknown)
  }
