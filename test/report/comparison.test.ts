// The report of a comparison: which figures of the paper stand beside which arm.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { armsOf } from '../../src/contracts/compare-input'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'
import { compare, type Bout } from '../../src/evaluation/comparison'
import { renderComparison, type ComparisonData } from '../../src/report/comparison'

const page = readFileSync(join(resolve(__dirname, '..', '..'), 'docs', 'workflows.md'), 'utf8')
/** The example of docs/workflows.md that gives an arm a name of the paper. */
const documented = [...page.matchAll(/```json compare\n(.*?)```/gs)]
  .map(([, text]) => JSON.parse(text!) as { base: { task: string } })
  .find((input) => JSON.stringify(input).includes('"like"'))!

const PROMPTS = 10
/** Each pair of policies with the number of prompts on which the first wins. */
function comparisonOf(input: unknown, wins: Record<string, number>): ComparisonData {
  const settings = workflowSchemas.compare.parse(input)
  const arms = armsOf(settings)
  const names = [...new Set(arms.map(({ name }) => name))]
  const prompts = Array.from({ length: PROMPTS }, (_, i) => ({
    id: `${i}`,
    context: 'Human: Hello?',
    responses: Object.fromEntries(names.map((name) => [name, `${name} ${i}`])),
  }))
  const bouts = Object.entries(wins).flatMap(([pair, won]) => {
    const [first, second] = pair.split('/') as [string, string]
    return prompts.map(({ id }, i): Bout => ({ id, first, second, preferFirst: Number(i < won) }))
  })
  return {
    title: 'Comparison',
    task: arms[0]!.input.task,
    settings,
    version: '1',
    judge: 'J',
    labelers: [],
    seeds: [1],
    alignment: undefined,
    arms: arms.map(({ name, like, system, seed }) => ({ name, like, method: system, seed, stages: {}, rl: [] })),
    records: new Map(),
    comparison: compare(prompts, bouts, 1),
    prompts,
  }
}

/** The rows of the table next to the paper: the pair, our win rate and the paper's, in percent. */
function rowsBesidePaper(data: ComparisonData): string[] {
  const html = renderComparison(data).split('Win rates next to the paper')[1]!.split('</table>')[0]!
  const rows = [...html.matchAll(/<tr>(<td.*?)<\/tr>/gs)].map(([, row]) =>
    [...row!.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell]) =>
      cell!.replace(/<[^>]*>/g, '').replace(/\u00a0/g, ' '),
    ),
  )
  return rows.map(([pair, ours, , , paper]) => `${pair}: ${/^\S+ %/.exec(ours!)?.[0] ?? ours}, paper ${paper}`)
}

test("in the docs' own example each arm has a row, and the one that `like` names goes first", () => {
  const data = comparisonOf(documented, { 'sft/β 0.05': 3, 'sft/β 0.2': 8, 'β 0.05/β 0.2': 6 })
  expect(documented.base.task).toBe('helpful')
  expect(rowsBesidePaper(data)).toEqual(['β 0.05 against sft: 70 %, paper 63 %', 'β 0.2 against sft: 20 %, paper 63 %'])
})

test('the order of the arms decides nothing, and an arm is not beside the paper twice', () => {
  const arms = [
    { name: 'other', input: { method: 'rlaif', labeler: { model: 'default' } } },
    { name: 'same', input: { method: 'rlaif', labeler: 'policy' } },
    { name: 'mine', like: 'rlaif', input: { method: 'rlaif', labeler: 'policy' } },
    'sft',
  ]
  const wins = { 'other/sft': 1, 'same/sft': 2, 'mine/sft': 3 }
  expect(rowsBesidePaper(comparisonOf({ arms, base: { task: 'summarization' } }, wins))).toEqual([
    'mine against sft: 30 %, paper 71 %',
    'other against sft: 10 %, paper 71 %',
    'same against sft: 20 %, paper 68 %',
  ])
})
