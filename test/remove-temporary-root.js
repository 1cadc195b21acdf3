// After all tests.
const { rmSync } = require('node:fs')

module.exports = () => rmSync(process.env.RLAIF_TEST_ROOT, { recursive: true, force: true, maxRetries: 5 })
