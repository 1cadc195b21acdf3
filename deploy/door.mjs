// A door to one port of a server: forwards TCP connections to it, and to no other port.
//
//   node deploy/door.mjs <port to listen on> <host>:<port of the server> [<address to listen at>]
//
// - Before the S3 server: SeaweedFS also serves calls that add its administrators (gRPC, without a key), at the address
//   of its S3 port. So it stands in a network of its own; this program stands in that network and in the workers'.
// - Before a server that listens on its container's loopback interface only, to publish its port.
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

/** @param server host:port */
export function openDoor(port, server, address = '0.0.0.0') {
  const [host, inner] = server.split(':')
  createServer((from) => {
    const to = connect(Number(inner), host)
    from.pipe(to).pipe(from)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy()) // whoever asked is gone: the server need not go on
    to.on('error', () => from.destroy())
  }).listen(Number(port), address)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, server = '', address] = process.argv.slice(2)
  if (!Number(port) || !/^[\w.-]+:\d+$/.test(server)) {
    console.error('usage: door.mjs <port to listen on> <host>:<port of the server> [<address to listen at>]')
    process.exit(2)
  }
  openDoor(port, server, address)
}
