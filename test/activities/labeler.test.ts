// The labeler or judge of a stage: what is wrong with it is said in the terms of the setting it comes from.
import { openLabeler } from '../../src/activities/labeler'
import type { StageHost } from '../../src/activities/stage'
import { labelerSchema } from '../../src/contracts/labeler-settings'
import { parse } from '../../src/contracts/parse'

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
