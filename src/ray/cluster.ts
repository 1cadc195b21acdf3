// The Jobs API of a Ray cluster (docs.ray.io, "Ray Jobs REST API"). Ray refuses what a browser may have sent, Node's
// fetch among it: requests are made by node:http.
import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { z } from 'zod'
import { openAgents } from '../http-agents'
import { shownReply } from './reply'

const TIMEOUT_MS = 30_000
const AGENTS = openAgents({ timeout: 5_000 })

/** Where a cluster's dashboard is, and the token it takes. */
export interface Cluster {
  address: string
  token?: string | undefined
  /** Of its host's name: where a connection may go. */
  lookup?: LookupFunction | undefined
}

/** The cluster does not answer: it may be started again later. */
export class RayUnreachable extends Error {
  override name = 'RayUnreachable'
}
/** The cluster does not take what it is asked. Another attempt would only repeat it. */
export class RayRefused extends Error {
  override name = 'RayRefused'
}

const jobSchema = z.object({
  status: z.enum(['PENDING', 'RUNNING', 'STOPPED', 'SUCCEEDED', 'FAILED']),
  message: z.string().nullish(),
})
export type JobInfo = z.infer<typeof jobSchema>
export const hasEnded = ({ status }: JobInfo): boolean => ['STOPPED', 'SUCCEEDED', 'FAILED'].includes(status)

/** What a job runs, in a shell on the cluster's head. */
export interface Submission {
  submission_id: string
  entrypoint: string
  runtime_env: { env_vars: Record<string, string> }
  metadata: Record<string, string>
}

/** The job with this id, undefined if the cluster does not know it. */
export async function findJob(cluster: Cluster, id: string): Promise<JobInfo | undefined> {
  const { status, text } = await ask(cluster, 'GET', `/api/jobs/${id}`)
  if (status === 404) return undefined
  return parsed(cluster, status, text, jobSchema)
}

export async function submitJob(cluster: Cluster, job: Submission): Promise<void> {
  const { status, text } = await ask(cluster, 'POST', '/api/jobs/', job)
  parsed(cluster, status, text, z.object({ submission_id: z.string() }))
}

/** Asks a job to end: SIGTERM, and SIGKILL after RAY_JOB_STOP_WAIT_TIME_S. */
export async function stopJob(cluster: Cluster, id: string): Promise<void> {
  await ask(cluster, 'POST', `/api/jobs/${id}/stop`)
}

/** What a job has written to its standard output and error. */
export async function jobLog(cluster: Cluster, id: string): Promise<string> {
  const { status, text } = await ask(cluster, 'GET', `/api/jobs/${id}/logs`)
  return status === 200 ? parsed(cluster, status, text, z.object({ logs: z.string() })).logs : ''
}

/** @throws RayRefused unless an address leads to the Jobs API of a Ray cluster that takes the token */
export async function checkCluster(cluster: Cluster): Promise<void> {
  const { status, text } = await ask(cluster, 'GET', '/api/version')
  parsed(cluster, status, text, z.object({ ray_version: z.string() }))
}

interface Reply {
  status: number
  text: string
}

function parsed<T>({ address }: Cluster, status: number, text: string, schema: z.ZodType<T>): T {
  const reply = status === 200 ? schema.safeParse(jsonOf(text)) : undefined
  if (reply?.success) return reply.data
  if (status >= 500) throw new RayUnreachable(`ray: ${address} answered ${status}: ${shownReply(text)}`)
  throw new RayRefused(
    `ray: ${address} is not the dashboard of a Ray cluster (it answered ${status}: ${shownReply(text)}); ` +
      'set engine.ray.address to the address that `ray start --head` prints, by default port 8265',
  )
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function ask(cluster: Cluster, method: string, path: string, body?: object): Promise<Reply> {
  const reply = await send(cluster, method, path, body)
  if (reply.status !== 401 && reply.status !== 403) return reply
  const given = cluster.token === undefined ? 'wants a token' : 'refused the token'
  throw new RayRefused(
    `ray: ${cluster.address} ${given} (${reply.status}): set engine.ray.tokenEnv to the name of the worker's variable ` +
      "that holds the cluster's token (RAY_AUTH_MODE=token)",
  )
}

function send({ address, token, lookup }: Cluster, method: string, path: string, body?: object): Promise<Reply> {
  const url = new URL(`.${path}`, address.endsWith('/') ? address : `${address}/`)
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body && { 'content-type': 'application/json' }),
  }
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:'
  const open = protocol === 'https:' ? overHttps : overHttp
  const asking = { method, headers, timeout: TIMEOUT_MS, agent: AGENTS[protocol], ...(lookup && { lookup }) }
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(unreachable(address, error))
    const asked = open(url, asking, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', fail)
      response.on('end', () => resolve({ status: response.statusCode!, text: Buffer.concat(parts).toString('utf8') }))
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    asked.on('error', fail)
    asked.end(body && JSON.stringify(body))
  })
}

const unreachable = (address: string, error: Error) =>
  new RayUnreachable(
    `ray: ${address} does not answer (${(error as NodeJS.ErrnoException).code ?? error.message}): start the cluster ` +
      '(`ray start --head`, or KubeRay), or set engine.ray.address to where its dashboard is',
    { cause: error },
  )
