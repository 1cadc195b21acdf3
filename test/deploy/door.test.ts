// The TCP door of the containers: everything arrives, and a connection ends with either of its ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { freePort } from '../dev-server'
import { PROJECT } from './compose'

/** Starts a server, and a door before it. @returns a connection through the door, and the server's end of it */
async function throughADoor(serve: (socket: Socket) => void): Promise<{ client: Socket; closed: Promise<unknown> }> {
  const server = createServer(serve).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const port = await freePort()
  const inner = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const door = spawn(process.execPath, [join(PROJECT, 'deploy', 'door.mjs'), `${port}`, inner, '127.0.0.1'])
  closing.push(() => (door.kill('SIGKILL'), server.close()))
  const client = await connected(port)
  const closed = accepted.then(([socket]) => once(socket, 'close'))
  return { client, closed }
}

async function connected(port: number): Promise<Socket> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    if (await once(socket, 'connect').catch(() => false)) return socket
    await new Promise((done) => setTimeout(done, 50))
  }
}

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

test('a server that sends much and closes is heard to the end', async () => {
  const bytes = 30_000_000
  const { client } = await throughADoor((socket) => socket.end(Buffer.alloc(bytes, 'x')))
  let received = 0
  for await (const part of client) received += (part as Buffer).length
  expect(received).toBe(bytes)
})

test('a server that never answers does not keep the connections of those who have gone', async () => {
  const { client, closed } = await throughADoor((socket) => socket.on('error', () => {}).resume())
  client.write('GET / HTTP/1.1\r\n\r\n')
  await new Promise((done) => setTimeout(done, 200))
  client.destroy()
  await closed
})
