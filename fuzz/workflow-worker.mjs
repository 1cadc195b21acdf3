// Workers as the product has them, with canaries around them and stages that compute nothing. Sends what was planted.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../dist/cache-folder.js'
import { installRuntime } from '../dist/workers/runtime.js'
import { localServer } from '../dist/workers/temporal.js'
import { roles, startWorkers } from '../dist/workers/worker.js'
import { plantCanaries } from './canaries.mjs'

const [, , address] = process.argv
process.env.RLAIF_CACHE = cacheFolder()
process.env.HF_ENDPOINT = 'http://127.0.0.1:9' // nothing of a Hub is loaded
process.env.RLAIF_ENDPOINTS = 'http://127.0.0.1:9'
const { home, target, secrets, places } = plantCanaries()
await installRuntime({})
const childProgram = fileURLToPath(new URL('./workflow-child.cjs', import.meta.url))
const workers = await startWorkers(roles, { server: localServer(address), home, childProgram })
process.on('disconnect', () => void workers.stop().finally(() => process.exit(0)))
process.send({ target, secrets, places, store: join(home, 'store') })
await workers.finished
