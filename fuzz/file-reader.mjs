// Reads hostile files by their numbers, as the product does, and says how each went.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from '../dist/contracts/parse.js'
import { dataSchema } from '../dist/contracts/settings.js'
import { readDataset } from '../dist/data/dataset.js'
import { readTask, taskFolder } from '../dist/data/task.js'
import { loadTokenizer } from '../dist/model/tokenizer.js'
import { fileInput } from './file-inputs.mjs'

const seed = Number(process.argv[2])
const root = mkdtempSync(join(tmpdir(), 'rlaif-fuzz-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))
process.on('disconnect', () => process.exit(0))

const task = readTask(taskFolder('helpful'))

/** Loads a tokenizer and uses it as a stage does. */
function readTokenizer(folder, texts) {
  const tokenizer = loadTokenizer(folder)
  for (const text of texts) {
    tokenizer.decode(tokenizer.encode(text))
    tokenizer.encodeContent(text)
    tokenizer.chatIds([{ role: 'user', content: text }])
  }
}

const readData = (path) =>
  readDataset(parse(dataSchema, path, 'data'), task, { seed: 1, promptTokens: 256, tokensOf: () => 10 })

/** How refusals begin: others are errors of the engine, which say nothing to whoever gave the file. */
const REFUSAL = /^(data|tokenizer): |^the chat template refuses it: (?!Maximum call stack)/

async function read(index) {
  const { files, texts, data } = fileInput(seed, index)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content)
  const before = process.cpuUsage()
  const outcome = await Promise.resolve()
    .then(() => (data ? readData(join(root, data)) : readTokenizer(root, texts)))
    .then(
      () => ({}),
      (error) => ({
        refused: true,
        ...(!REFUSAL.test(error.message) && { finding: `${error.name}: ${error.message.slice(0, 300)}` }),
      }),
    )
  const { user, system } = process.cpuUsage(before) // of the processor: the machine may be busy
  return { ms: (user + system) / 1000, ...outcome }
}

process.on('message', async (index) => process.send(await read(index)))
process.send({})
