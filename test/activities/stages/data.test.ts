// Stage `data` on a file as people have them, and what its report shows of the rows that were left out.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readDropped } from '../../../src/activities/result-files'
import { readData } from '../../../src/activities/rows'
import { data } from '../../../src/activities/stages/data'
import { renderReport } from '../../../src/report/report'
import { temporaryFolder, writeTinyFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

const folderOf = ({ uri }: { uri: string }) => uri.slice('file://'.length)
const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const stageOn = (text: string, settings: object = {}) => {
  const path = join(temporaryFolder(), 'rows.jsonl')
  writeFileSync(path, text)
  const input = { task: 'helpful', data: { path, evaluationPrompts: 1, ...settings }, limits: {}, model }
  return computeStage(data, 'data', input)
}

const lines = [
  '\ufeff{"id": 9007199254740993, "prompt": "First?", "chosen": "Wet", "rejected": "Dry", "messages": null, "score": 1}',
  '{"id": 9007199254740995, "prompt": [{"role": "user", "content": [{"type": "text", "text": "Second?"}]}], "chosen": "Wet", "rejected": "Dry"}',
  '{"id": 3, "prompt": [{"role": "user", "content": "a"}, {"role": "tool", "content": "<b>"}], "chosen": "Wet", "rejected": "Dry"}',
  '{"id": 4, "prompt": "Third?", "chos',
  '{"id": 5, "prompt": "Fourth?", "chosen": "Wet", "rejected": "Wet"}',
]

test('rows are read in every form, others are counted by reason, and the report shows one of each', async () => {
  const artifact = await stageOn(lines.join('\r\n'))
  expect(artifact.summary).toMatchObject({ format: 'trl', read: 5, dropped: 3, humanPairs: 2, fieldsNotRead: 'score' })
  const { train, evaluation } = readData(folderOf(artifact))
  expect([...train, ...evaluation].map(({ id, context }) => [id, context]).sort()).toEqual([
    ['9007199254740993', 'Human: First?'],
    ['9007199254740995', 'Human: Second?'],
  ])
  const dropped = readDropped(folderOf(artifact))
  expect(dropped).toEqual({
    'a conversation with tool calls': {
      rows: 1,
      where: 'line 3',
      row: lines[2] && JSON.stringify(JSON.parse(lines[2])),
    },
    'is not JSON': { rows: 1, where: 'line 4', row: lines[3] },
    'chosen and rejected are equal': { rows: 1, where: 'line 5', row: expect.stringContaining('Fourth?') as string },
  })
  const html = renderReport({ title: 'x', settings: {}, version: '1', stages: [], dropped, contests: [] })
  expect(html).toMatch(/a conversation with tool calls.*line 3.*&#60;b&#62;/)
})

test('a file of which nothing can be used fails the stage with its reasons, and quotes nothing of it', async () => {
  const failure = await stageOn(`{"text": "Blue"}\n${lines[2]}`, { format: 'trl' }).catch((error: Error) => error)
  expect((failure as Error).message).toMatch(
    /0 of 2 rows can be used[^]*line 1: a text without a mark[^]*line 2: a conv/,
  )
  expect((failure as Error).message).not.toMatch(/Blue|<b>/)
})
