// Ports for servers of tests. They lie below the range from which the system itself gives ports to outgoing connections
// and to servers that ask for any port: between the look and the server's own start, nothing else takes them.
const { createServer } = require('node:net')

const [LOWEST, HIGHEST] = [20_000, 31_000]

/** @returns {Promise<boolean>} whether nothing listens at the port of 127.0.0.1 */
const isFree = (port) =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })

/** @returns {Promise<number>} a port that nothing listens at */
async function freePort() {
  const port = LOWEST + Math.floor((HIGHEST - LOWEST) * Math.random())
  return (await isFree(port)) ? port : freePort()
}

module.exports = { freePort }
