// Before all tests: one folder for everything they write, and one thread for each process that computes: two suites
// run at once, on as many cores, and threads of TensorFlow that wait for work keep the other suite's from theirs.
const { mkdtempSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

module.exports = () => {
  process.env.RLAIF_TEST_ROOT = mkdtempSync(join(tmpdir(), 'rlaif-test-'))
  process.env.TF_NUM_INTRAOP_THREADS ??= '1'
}
