// Reports check the files of earlier stages before they show them.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  readCalibration,
  readChoice,
  readContest,
  readDropped,
  readEvaluation,
  readJudgedContests,
} from '../../src/activities/result-files'
import { wilson } from '../../src/evaluation/statistics'
import { temporaryFolder } from '../tiny-folder'

function folderWith(name: string, content: unknown): string {
  const folder = temporaryFolder()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), JSON.stringify(content))
  return folder
}
const evaluation = {
  judge: 'a judge',
  winRate: wilson(7, 10),
  equal: 1,
  failed: 2,
  length: { policy: 10.5, baseline: 20 },
}

test('an evaluation is read as it was written; the share of nothing is NaN again, which JSON writes as null', () => {
  const alignment = { agreement: wilson(3, 4), sameSlot: wilson(0, 0), ties: 0, failed: 0 }
  expect(readEvaluation(folderWith('result.json', evaluation))).toEqual(evaluation)
  expect(readEvaluation(folderWith('result.json', { ...evaluation, alignment })).alignment).toEqual(alignment)
})

test('a file that is not what its stage writes is refused by path and field', () => {
  const winRate = { ...wilson(7, 10), value: 7 }
  expect(() => readEvaluation(folderWith('result.json', { ...evaluation, winRate }))).toThrow(
    /artifacts: .*result\.json: field "winRate\.value" got 7/,
  )
  expect(() => readChoice(folderWith('choice.json', { judge: 'a judge' }))).toThrow(/choice\.json: .*"candidates"/s)
  expect(() => readCalibration(folderWith('calibration.json', { bins: [], error: 2 }))).toThrow(/"error" got 2/)
  expect(() => readDropped(folderWith('dropped.json', { empty: 'many' }))).toThrow(/"empty" got "many"/)
  expect(() => readContest(folderWith('result.json', { task: 'helpful' }))).toThrow(/"judge" got nothing/)
  expect(() => readJudgedContests(folderWith('contests.jsonl', { id: '1', preferPolicy: 2 }))).toThrow(
    /contests\.jsonl line 1/,
  )
})
