// The labeler or judge of a stage: what is wrong with it is said in the terms of the setting it comes from.
import { openLabeler } from '../../src/activities/labeler'
import type { StageHost } from '../../src/activities/stage'
import { labelerSchema } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'
import type { Precision } from '../../src/contracts/precision'
import { loadModel } from '../../src/model/weights'
import { writeTinyFolder } from '../tiny-folder'

const settings = (given: unknown) => parse(labelerSchema, given, 'labeler')
const host = {} as StageHost

test.each(['labeler', 'judge'] as const)(
  'a %s that cannot be opened is refused with the field of that setting',
  async (role) => {
    const endpoint = settings({ baseUrl: 'http://127.0.0.1:9/v1', model: 'm', apiKeyEnv: 'RLAIF_TEST_KEY' })
    await expect(openLabeler({ settings: endpoint }, host, role)).rejects.toThrow(`field "${role}.apiKeyEnv"`)
    await expect(openLabeler({ settings: settings('default') }, host, role)).rejects.toThrow(`field "${role}.model"`)
  },
)

test('without a role it is the labeler', async () => {
  await expect(openLabeler({ settings: settings('default') }, host)).rejects.toThrow('field "labeler.model"')
})

test("a labeler of the stage's own model shares its weights, but not those that were rounded for another precision", async () => {
  const folder = writeTinyFolder()
  const artifact = { uri: `file://${folder}`, sha256: '1'.repeat(64), bytes: 1, summary: {} }
  const identities: object[] = []
  const open = jest.fn(() => Promise.resolve(folder))
  const answers = (identity: object) => Promise.reject(new Error(String(identities.push(identity))))
  const asked = (inMemory: Precision | undefined, precision: Precision | undefined) => {
    const model = loadModel(folder, {}, inMemory)
    const labeler = { settings: settings({ model: 'policy', precision }), model: artifact }
    const shared = { artifact, model }
    return openLabeler(labeler, { open, answers } as unknown as StageHost, 'labeler', shared).catch(() => {})
  }
  await asked(undefined, undefined)
  await asked('bfloat16', undefined)
  await asked('bfloat16', 'bfloat16')
  await asked(undefined, 'bfloat16')
  const [exact, ofRounded, half, ofExact] = identities
  expect(ofRounded).toEqual(exact)
  expect(half).toEqual({ ...exact, precision: 'bfloat16' })
  expect(ofExact).toEqual(half)
})
