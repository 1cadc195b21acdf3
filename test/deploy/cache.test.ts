// The folders of a container: what set-up installed is only read, and the cache begins as an empty volume.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../../src/cache-folder'
import { locateModel } from '../../src/model/locate'
import { worldModels } from '../../src/world/named'
import { temporaryFolder } from '../tiny-folder'

const environment = { ...process.env }
let [installed, cache] = ['', '']
beforeAll(() => {
  installed = cacheFolder()
  cache = join(temporaryFolder(), 'cache')
  process.env.RLAIF_INSTALLED = installed
  process.env.RLAIF_CACHE = cache
})
afterAll(() => {
  process.env = environment
})

test('the default model is read from where set-up installed it; nothing is copied', async () => {
  expect(await locateModel('default')).toBe(join(installed, 'models', 'smollm2-135m-instruct'))
  expect(existsSync(cache)).toBe(false)
})

test('models that are made go into the cache', async () => {
  const before = readdirSync(join(installed, 'models'))
  const folder = await locateModel('world:policy', { made: worldModels })
  expect(folder).toMatch(new RegExp(`^${join(cache, 'models')}/world-policy-`))
  expect(existsSync(join(folder, 'model.safetensors'))).toBe(true)
  expect(readdirSync(join(installed, 'models'))).toEqual(before)
})
