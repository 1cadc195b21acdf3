// The Python package of the engine on Ray: its own tests that need no cluster, its types and its style.
import { checkStyle, checkTypes, python } from './python'

jest.setTimeout(900_000) // the first time, the packages are installed

test('losses, rewards, the end of training and the waiting for a labeler hold without a cluster', async () => {
  await python('unittest', 'tests.units') // fails with the first that does not hold
})

test('its types hold, with those of PyTorch, transformers, TRL and Ray', async () => {
  expect(await checkTypes()).toMatch(/^Success/)
})

test('its style holds', async () => {
  expect(await checkStyle()).toMatch(/^All checks passed/)
})
