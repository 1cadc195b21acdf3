// Before all tests: one folder for everything they write.
const { mkdtempSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

module.exports = () => {
  process.env.RLAIF_TEST_ROOT = mkdtempSync(join(tmpdir(), 'rlaif-test-'))
}
