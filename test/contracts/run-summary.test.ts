// What lists of runs say of a run: a sentence, not its input.
import { runSummary } from '../../src/contracts/run-summary'
import { parse } from '../../src/contracts/parse'
import { workflowSchemas, type WorkflowName } from '../../src/contracts/workflow-inputs'

const said = (workflow: WorkflowName, input?: object) =>
  runSummary(workflow, parse(workflowSchemas[workflow], input, workflow) as never)

const labeler = { baseUrl: 'http://10.0.0.5:8000/v1', model: 'Qwen/Qwen2.5-7B-Instruct' }

test.each<[WorkflowName, object | undefined, RegExp]>([
  ['align', undefined, /^RLAIF of default on summarization, labelled by default, judged by default, seed 1$/],
  [
    'align',
    { preset: 'quickstart', model: '/home/anna/models/small', seed: 7 },
    /^Direct RLAIF of …\/models\/small on cheerful, scored by the policy itself, judged by the policy itself, seed 7$/,
  ],
  ['align', { task: 'harmless', labeler }, /labelled by Qwen\/Qwen2.5-7B-Instruct at 10\.0\.0\.5:8000, judged by/],
  ['align', { method: 'sft', untilStage: 'sft' }, /^SFT of default on summarization, until sft, seed 1$/],
  ['compare', { arms: ['sft', 'rlaif'], seeds: [1, 2] }, /^Comparison of sft, rlaif on summarization, .* seeds 1, 2$/],
  [
    'sweep',
    { axes: [{ field: 'rl.klWeight', values: [0.05, 0.2] }] },
    /^Sweep sweep over rl\.klWeight: 2 trials of align, by win rate$/,
  ],
  ['labelStudy', { labeler, pairs: 50 }, /^Label study on summarization: Qwen.* asked in \d+ ways about 50 pairs$/],
  ['rl', { policy: 'default', task: 'harmless' }, /^RL of default on harmless, scored by default$/],
])('%s %j', (workflow, input, sentence) => {
  expect(said(workflow, input)).toMatch(sentence)
})

test('a long sentence is cut between words, to the 200 bytes that Temporal takes', () => {
  const arms = Array.from({ length: 12 }, (_, i) => ({ name: `β ${i} with a long name`, input: { method: 'sft' } }))
  const sentence = said('compare', { arms })
  expect(Buffer.byteLength(sentence)).toBeLessThanOrEqual(200)
  expect(sentence).toMatch(/^Comparison of β 0 with a long name, .*\w …$/)
})
