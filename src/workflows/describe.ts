// What a run shows of itself in the UI, as Markdown: a table of its stages and, when one is parked, what failed and how to go on.
import type { StageName } from '../contracts/stages'
import type { StageStatus } from '../contracts/status'

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

export function describe(stages: readonly StageStatus[], parked?: { stage: StageName; canSkip: boolean }): string {
  const rows = stages.map(({ stage, state, seconds, message, artifact }) => {
    const figures = artifact ? Object.entries(artifact.summary).map(([name, value]) => `${name} ${value}`) : []
    return `| ${stage} | ${state} | ${seconds === undefined ? '' : seconds.toFixed(1)} | ${cell(message ?? figures.join(', '))} |`
  })
  const table = ['| Stage | State | Seconds | Figures |', '|---|---|---|---|', ...rows].join('\n')
  return parked ? `${howToGoOn(stages, parked)}\n\n${table}` : table
}

function howToGoOn(stages: readonly StageStatus[], { stage, canSkip }: { stage: StageName; canSkip: boolean }): string {
  const failed = stages.find(({ state }) => state === 'parked')
  const ways = [
    '- mended outside (the endpoint is up again, the file is there): `{"action": "retry"}`',
    `- another setting: \`{"action": "retry", "overrides": {${EXAMPLES[stage] ?? '"settings": {…}'}}}\``,
    ...(canSkip ? ['- go on without this stage: `{"action": "skip"}`'] : []),
    '- give the run up: `{"action": "abort"}`',
  ]
  return `**${failed?.stage ?? stage} is parked.** ${failed?.message ?? ''}\n\nGo on with the update \`resolveFailure\` (menu at the top right, *Send an Update*):\n\n${ways.join('\n')}`
}

const endpoint = '{"baseUrl": "http://127.0.0.1:8000/v1"}'
const EXAMPLES: Partial<Record<StageName, string>> = {
  data: '"data": {"path": "/data/rows.jsonl"}',
  model: '"spec": "default"',
  label: `"labeler": ${endpoint}`,
  judge: `"labeler": ${endpoint}`,
  choose: `"judge": ${endpoint}`,
  evaluate: `"judge": ${endpoint}`,
  sft: '"settings": {"learningRate": 1e-5}',
  'reward-model': '"settings": {"learningRate": 1e-5}',
  rl: '"settings": {"learningRate": 1e-6}',
}
