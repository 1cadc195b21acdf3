// Connections of our HTTP clients. A server may answer before it has read the whole request, and close later: Node has
// let go of the request by then, and the error of what was still being written would end this process.
import { Agent as HttpAgent, type AgentOptions } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

export interface Agents {
  'http:': HttpAgent
  'https:': HttpsAgent
}

/** Agents that keep connections open, and outlive errors that come after an answer. */
export function openAgents(options: AgentOptions = {}): Agents {
  const kept = { keepAlive: true, ...options }
  return { 'http:': heeding(new HttpAgent(kept)), 'https:': heeding(new HttpsAgent(kept)) }
}

/** A request hears of its errors as before. */
function heeding<A extends HttpAgent>(agent: A): A {
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => connect(options, callback)?.on('error', () => {})
  return agent
}
