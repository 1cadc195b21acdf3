// In place of the program that computes a stage: writes a small artifact at once, and fails for one input in six.
const { writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { createHash } = require('node:crypto')

const FIGURES = {
  task: 'summarization',
  policies: 'a, b',
  labeler: 'x',
  candidates: 2,
  items: 4,
  responses: 2,
  checkItems: '3',
}

process.on('disconnect', () => process.exit(1))
process.once('message', ({ stage, input, output }) => {
  const digest = createHash('sha256').update(JSON.stringify(input)).digest()
  writeFileSync(join(output, 'figures.json'), digest.toString('hex'))
  const answer =
    digest[0] % 6 === 0
      ? { type: 'failed', name: 'InvalidInput', message: `${stage}: it fails in this test`, stack: '' }
      : { type: 'done', summary: FIGURES }
  process.send(answer, () => process.exit(0))
})
