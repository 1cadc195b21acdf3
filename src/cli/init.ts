// `rlaif init`: a folder to start from, with an input that explains itself, a task and ten rows.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { InvalidInput } from '../contracts/parse'
import { taskFolder } from '../data/task'
import { typedCommand } from '../installation'
import { madeWhole } from './made-whole'
import { shellWord } from './shell-words'
import { table } from './terminal'

const INPUT = 'align.jsonc'
const SUBJECTS = [
  'a rainy Monday morning',
  'a long queue at the bakery',
  'an empty fridge',
  'a bus that comes late',
  'the first day at a new school',
  'a garden in November',
  'a phone that rings at night',
  'a letter from the bank',
  'an old pair of shoes',
  'a walk home in the dark',
]

const rows = (): string =>
  SUBJECTS.map((subject) => `${JSON.stringify({ prompt: `Write one sentence about ${subject}.` })}\n`).join('')

/** JSON with comments, which `--input` reads. @param folder absolute: a worker has another current folder */
const inputText = (
  folder: string,
): string => `// The input of \`rlaif run align\`. What is left out has a default: \`rlaif schema align\` prints every field.
{
  // Sizes with which the default model learns something in minutes; the fields below replace its own.
  "preset": "quickstart",

  // How the policy is trained. "direct-rlaif": the labeler scores each response, and the score is the reward.
  // "rlaif": a reward model learns from the labeler's preferences. "rlhf": from preferences of people, in the data.
  "method": "direct-rlaif",

  // What labelers and judges are asked: edit the texts in this folder. Or one that comes with rlaif: "summarization",
  // "helpful", "harmless", "cheerful".
  "task": ${JSON.stringify(join(folder, 'task'))},

  // Your prompts, one JSON object a line; \`rlaif data show FILE\` prints what a run reads of a file.
  // evaluationPrompts of them are kept from training, to compare the policy before and after.
  "data": { "path": ${JSON.stringify(join(folder, 'rows.jsonl'))}, "evaluationPrompts": 3 },

  // The policy before training: "default" (SmolLM2-135M-Instruct), a folder, or "hf:owner/name".
  "model": "default",

  // Who scores the responses, and who judges the result. "policy" is a frozen copy of the policy. For more than a trial,
  // name an endpoint: { "baseUrl": "http://127.0.0.1:8000/v1", "model": "Qwen/Qwen2.5-7B-Instruct", "apiKeyEnv": "LABELER_KEY" }
  "labeler": { "model": "policy" },
  "judge": { "model": "policy", "comparison": "pointwise" },

  // Longest prompt and response, in tokens.
  "limits": { "promptTokens": 64, "responseTokens": 24 },

  // Reinforcement learning, so short that the first run ends soon: raise the steps, and the batch with your rows.
  "rl": {
    "steps": 6,
    "batchSize": 8,
    "microBatchSize": 8,
    "validateEvery": 3,
    "validationPrompts": 3,
    "checkpointEvery": 3, // a run that is interrupted continues from here
  },

  // Another seed is another run of the same work: other rows held out, other responses.
  "seed": 1,
}
`

/** The task that comes nearest, under the name of the folder. */
function writeTask(folder: string, name: string): void {
  cpSync(taskFolder('cheerful'), folder, { recursive: true })
  const file = join(folder, 'task.json')
  const task = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, `${JSON.stringify({ ...task, name }, null, 2)}\n`)
}

/**
 * Makes the folder, whole or not at all.
 * @returns what is in it, and the command that runs it
 * @throws InvalidInput when it exists
 */
export async function initFolder(given: string): Promise<string[]> {
  const folder = resolve(given)
  if (existsSync(folder)) throw new InvalidInput(`init: ${folder} already exists; name a new folder`)
  await madeWhole(folder, (staging) => {
    mkdirSync(staging, { recursive: true })
    writeTask(join(staging, 'task'), basename(folder).replace(/[^\w-]+/g, '-') || 'task')
    writeFileSync(join(staging, 'rows.jsonl'), rows())
    writeFileSync(join(staging, INPUT), inputText(folder))
  })
  return [
    `${folder} is made:`,
    ...table([
      [`  ${INPUT}`, 'the input of a run, with comments'],
      ['  task/', 'what labelers are asked, as texts to edit'],
      ['  rows.jsonl', `${SUBJECTS.length} prompts, to replace with yours`],
    ]),
    `Next, while \`${typedCommand} up\` is running:`,
    `  ${typedCommand} run align --input ${shellWord(join(folder, INPUT))}`,
  ]
}
