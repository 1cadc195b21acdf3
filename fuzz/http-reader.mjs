// Opens all servers, sends them hostile requests by their numbers, and looks at the answers.
import { connect } from 'node:net'
import { faultFinder, plantCanaries } from './canaries.mjs'
import { httpRequest } from './http-requests.mjs'
import { openServers } from './http-servers.mjs'

const seed = Number(process.argv[2])
const { home, secrets, places } = plantCanaries()
const servers = await openServers(home)
const ownSecrets = Object.fromEntries(
  Object.entries(servers).flatMap(([name, { token, payloadKey }]) => [
    ...(token ? [[`token of ${name}`, token]] : []),
    ...(payloadKey ? [['payload key', payloadKey.toString('base64')]] : []),
  ]),
)
const faultOf = faultFinder({ ...secrets, ...ownSecrets }, places)
process.on('disconnect', () => process.exit(0))

/** After which a request that is not whole is given up; what is whole has the limit of an input. */
const GIVEN_UP_MS = 30
const HUNG_MS = 9_000

/** @returns what is answered, or undefined if it is not to the end */
function send({ port, bytes, isWhole }) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    const done = (text) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(text)
    }
    const timer = setTimeout(() => done(isWhole ? undefined : answer), isWhole ? HUNG_MS : GIVEN_UP_MS)
    socket.on('data', (part) => {
      answer += part.toString('latin1')
      if (isWhole && isComplete(answer, bytes)) done(answer)
    })
    socket.on('error', () => done(answer))
    socket.on('close', () => done(answer))
    socket.write(bytes)
  })
}

/** Without the leave to send the body. */
const afterContinue = (answer) => answer.replace(/^HTTP\/1\.1 100 [^]*?\r\n\r\n/, '')

/** Whether an answer has come to its end, on a connection that stays open. */
function isComplete(text, request) {
  const answer = afterContinue(text)
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) return false
  const [head, body] = [answer.slice(0, end), answer.slice(end + 4)]
  if (/^HTTP\/1\.1 (204|304)/.test(head) || request.toString('latin1', 0, 5) === 'HEAD ') return true
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  if (length !== undefined) return body.length >= Number(length)
  return /^transfer-encoding: chunked/im.test(head) && /(^|\r\n)0\r\n\r\n$/.test(body)
}

function findingOf(answer) {
  if (answer === undefined) return `no answer within ${HUNG_MS / 1000} s`
  const [head] = afterContinue(answer).split('\r\n\r\n')
  const body = afterContinue(answer).slice(head.length)
  const type = /^content-type: ([^;\r]*)/im.exec(head)?.[1]
  if (body.includes('<fuzz') && !/^(application\/json|text\/plain)$/.test(type ?? ''))
    return `HTML of others in an answer of type ${type}`
  if (/^x-injected/im.test(head)) return 'a header of others in an answer'
  return faultOf(answer)
}

async function read(index) {
  const request = await httpRequest(servers, seed, index)
  const started = performance.now()
  const answer = await send(request)
  const ms = performance.now() - started
  const finding = findingOf(answer)
  const status = /^HTTP\/1\.1 (\d{3})/.exec(afterContinue(answer ?? ''))?.[1] ?? ''
  return {
    ms,
    refused: !/^[23]/.test(status),
    ...(finding && { finding: `${finding} to ${JSON.stringify(request.shown)}` }),
  }
}

process.on('message', async (index) => process.send(await read(index)))
process.send({})
