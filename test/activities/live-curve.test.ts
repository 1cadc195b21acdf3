// Curves while they grow: each step once, whatever ends the process that writes them.
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLiveCurve } from '../../src/activities/live-curve'
import { curveFolder, readCurve } from '../../src/curve-file'
import { eventsIn } from '../../src/training/tensorboard'
import { temporaryFolder } from '../tiny-folder'

/** The steps of an event file in their order, by the layout of the format alone. */
function stepsIn(file: string): { step: number; tags: string[] }[] {
  const bytes = readFileSync(file)
  const events: { step: number; tags: string[] }[] = []
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at))
    const data = bytes.subarray(at + 12, at + 12 + length)
    if (data[9] === 0x10) events.push({ step: data[10]!, tags: data.toString('latin1').match(/rl\/\w+/g) ?? [] })
    at += 16 + length
  }
  return events
}

const folder = () => curveFolder(temporaryFolder(), 'run/1', 'rl', '0123456789abcdef')
const step = (number: number) => ({ step: number, reward: number / 10 })

test('every step is there as soon as it is done, with the values of each metric', () => {
  const at = folder()
  expect(at).toMatch(/curves\/run_1\/rl-01234567$/)
  const add = openLiveCurve(at, 'rl')
  add(step(1))
  expect(stepsIn(eventsIn(at))).toEqual([{ step: 1, tags: ['rl/reward'] }])
  expect(readCurve(at).map(({ metrics }) => metrics)).toEqual([step(1)])
  add({ ...step(2), kl: 0.5 })
  expect(stepsIn(eventsIn(at)).at(-1)).toEqual({ step: 2, tags: ['rl/reward', 'rl/kl'] })
})

test('a resumed stage writes no step twice, and cuts off what a kill left incomplete', () => {
  const at = folder()
  const first = openLiveCurve(at, 'rl')
  for (const number of [1, 2, 3]) first(step(number))
  const second = openLiveCurve(at, 'rl') // from the checkpoint of step 1
  for (const number of [2, 3, 4]) second(step(number))
  const size = statSync(eventsIn(at)).size
  truncateSync(eventsIn(at), size - 3) // the kill came while step 4 was written for TensorBoard,
  appendFileSync(join(at, 'steps.jsonl'), '{"at":1,"metr') // and step 5 for the others
  const third = openLiveCurve(at, 'rl')
  for (const number of [4, 5]) third(step(number))
  expect(stepsIn(eventsIn(at)).map((event) => event.step)).toEqual([1, 2, 3, 4, 5])
  expect(readCurve(at).map(({ metrics }) => metrics.step)).toEqual([1, 2, 3, 4, 5])
})

test('a record whose bytes are not those that were written ends the file', () => {
  const at = folder()
  const add = openLiveCurve(at, 'rl')
  for (const number of [1, 2]) add(step(number))
  const bytes = readFileSync(eventsIn(at))
  bytes[bytes.length - 6]! ^= 1
  writeFileSync(eventsIn(at), bytes)
  openLiveCurve(at, 'rl')
  expect(stepsIn(eventsIn(at)).map((event) => event.step)).toEqual([1, 2]) // step 2 once more, from the other file
})
