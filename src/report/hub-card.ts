// Cards of what goes to the Hugging Face Hub: README.md of a model or a dataset, made from how it was made. Addresses and
// folders of the machines where that was are left out.
// https://huggingface.co/docs/hub/model-cards, https://huggingface.co/docs/hub/datasets-cards
import type { Summary } from '../contracts/artifact'
import { figureLines } from '../contracts/figures'
import type { Share } from '../evaluation/statistics'
import { counted, formatCost, formatNumber, isOrAre } from '../number-format'
import { foundationsOf } from './foundations'
import { shareText, stageSentence } from './stage-sentences'

/** What of a run goes to the Hub. */
export const HUB_PARTS = ['policy', 'adapter', 'reward-model', 'labels'] as const
export type HubPart = (typeof HUB_PARTS)[number]

/** A stage that took part, and its artifact. */
export interface CardStage {
  stage: string
  /** Stage and key, as in the store. */
  place: string
  version: number
  sha256: string
  summary: Summary
  /** Training settings, or whatever the stage was told. */
  settings?: unknown
  sources?: Record<string, string>
}

/** How many labels there are, and how they compare with people's choice of the same responses. */
export interface CardLabels {
  labels: number
  undecided: number
  agreement: Share
}

export interface CardFacts {
  part: HubPart
  /** owner/name */
  repository: string
  /** In the order in which they ran. */
  stages: readonly CardStage[]
  /** The stage whose artifact this is. */
  made: CardStage
  /** What the run found: win rates. */
  results: readonly string[]
  /** owner/name of the model that training started from, if the Hub has it. */
  base?: string | undefined
  /** By its identifier at the Hub. */
  licence?: string | undefined
  /** Subtracted from a reward model's scores. */
  shift?: number | undefined
  labels?: CardLabels | undefined
  /** Of rlaif. */
  version: string
}

export function hubCard(facts: CardFacts): string {
  const { part, repository, made } = facts
  const title = repository.split('/').at(-1)!
  const settings = made.settings === undefined ? [] : ['## Settings', fenced('json', pretty(made.settings))]
  return (
    [
      `---\n${yaml(metadata(facts))}---`,
      `# ${plain(title)}`,
      `${WHAT[part](facts)} Made with rlaif ${facts.version}, by ${methodOf(facts.stages)}.`,
      '## Use',
      fenced('python', USE[part](facts)),
      ...(part === 'labels' ? [COLUMNS] : []),
      ...sections(facts),
      ...settings,
      '## Provenance',
      provenance(facts.stages),
      '## Licence',
      licenceText(facts),
    ].join('\n\n') + '\n'
  )
}

// ---- Metadata

type Yaml = string | string[] | Record<string, unknown>[]

const TASK: Record<HubPart, Record<string, Yaml>> = {
  policy: { library_name: 'transformers', pipeline_tag: 'text-generation' },
  adapter: { library_name: 'peft', pipeline_tag: 'text-generation' },
  'reward-model': { library_name: 'transformers', pipeline_tag: 'text-classification' },
  labels: { pretty_name: 'Preference labels' },
}
const TAGS: Record<HubPart, string[]> = {
  policy: ['rlaif'],
  adapter: ['rlaif', 'lora'],
  'reward-model': ['rlaif', 'reward-model'],
  labels: ['rlaif', 'preference', 'trl'],
}
/** Where the labels are in their repository. */
export const LABELS_PATH = 'data/train-00000-of-00001.parquet'

function metadata({ part, base, licence }: CardFacts): Record<string, Yaml> {
  return {
    ...(licence !== undefined && { license: licence }),
    ...TASK[part],
    ...(base !== undefined &&
      part !== 'labels' && {
        base_model: base,
        base_model_relation: part === 'adapter' ? 'adapter' : 'finetune',
      }),
    tags: TAGS[part],
    ...(part === 'labels' && {
      configs: [{ config_name: 'default', data_files: [{ split: 'train', path: LABELS_PATH }] }],
    }),
  }
}

/** JSON is YAML. */
const yaml = (fields: Record<string, Yaml>) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join('')

// ---- What it is, and how it is used

const WHAT: Record<HubPart, (facts: CardFacts) => string> = {
  policy: () => 'A language model aligned with feedback: weights, configuration and tokenizer.',
  adapter: ({ base }) => `A LoRA adapter in PEFT's layout${base === undefined ? '' : `, for \`${base}\``}.`,
  'reward-model': ({ shift }) =>
    'A reward model: a language model with a score head of one number, higher for better responses.' +
    (shift === undefined ? '' : ` In RL, ${formatNumber(shift, 4)} was subtracted from its scores.`),
  labels: ({ labels }) =>
    'Pairs of responses with the probability that one is better, in the conversational preference format of TRL' +
    (labels ? `: ${counted(labels.labels, 'row')}${leftOut(labels)}.` : '.'),
}

const leftOut = ({ undecided }: CardLabels) =>
  undecided > 0 ? `; ${counted(undecided, 'label')} that preferred neither response ${isOrAre(undecided)} left out` : ''

const USE: Record<HubPart, (facts: CardFacts) => string> = {
  policy: ({ repository }) =>
    'from transformers import AutoModelForCausalLM, AutoTokenizer\n\n' +
    `model = AutoModelForCausalLM.from_pretrained("${repository}")\n` +
    `tokenizer = AutoTokenizer.from_pretrained("${repository}")`,
  adapter: ({ repository, base }) =>
    'from peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n\n' +
    `base = AutoModelForCausalLM.from_pretrained("${base ?? ''}")\n` +
    `model = PeftModel.from_pretrained(base, "${repository}")`,
  'reward-model': ({ repository }) =>
    'from transformers import AutoModelForSequenceClassification, AutoTokenizer\n\n' +
    `model = AutoModelForSequenceClassification.from_pretrained("${repository}")\n` +
    `tokenizer = AutoTokenizer.from_pretrained("${repository}")`,
  labels: ({ repository }) =>
    'from datasets import load_dataset\n\n' +
    `pairs = load_dataset("${repository}", split="train")  # for trl.DPOTrainer and trl.RewardTrainer as it is`,
}

const COLUMNS = [
  '| column | content |',
  '|---|---|',
  '| `prompt`, `chosen`, `rejected` | lists of messages |',
  '| `probability` | P(chosen is better), above one half |',
  '| `probability_by_order` | the same of each order in which the pair was shown; empty where responses were judged alone |',
  '| `rationales` | what the labeler wrote before it answered |',
  '| `labeler` | who gave the label |',
  '| `people_chose` | what people preferred of the same two responses; null where nobody was asked |',
  '| `id` | of the prompt |',
].join('\n')

// ---- How it was made, and what that shows

/** The method of `align`, by the stages that ran. */
export function methodOf(stages: readonly Pick<CardStage, 'stage'>[]): string {
  const ran = new Set(stages.map(({ stage }) => stage))
  if (ran.has('online-dpo')) return 'online-dpo'
  if (ran.has('dpo')) return 'dpo'
  if (ran.has('rl') && !ran.has('reward-model')) return 'direct-rlaif'
  if (ran.has('label')) return ran.has('human-labels') ? 'rlhf+rlaif' : 'rlaif'
  return ran.has('human-labels') ? 'rlhf' : 'sft'
}

function sections(facts: CardFacts): string[] {
  const { stages, results, labels } = facts
  const steps = stages.flatMap(({ stage, summary }) =>
    withoutResult(stage) ? (stageSentence(stage, summary) ?? []) : [],
  )
  const shown = [...results, ...agreementSentence(labels)]
  const restsOn = foundationsOf(stages).filter((sentence) => !steps.includes(sentence))
  return [
    ...listed('How it was made', [...new Set(steps)]),
    ...listed('Results', shown),
    ...listed('What the figures rest on', restsOn),
    ...listed('Cost', costSentences(stages)),
  ]
}

const withoutResult = (stage: string) => stage !== 'evaluate'

const agreementSentence = (labels: CardLabels | undefined): string[] =>
  labels && labels.agreement.n > 0
    ? [
        `The labels prefer what people preferred in ${shareText(
          labels.agreement.value,
          counted(labels.agreement.n, 'pair that people compared', 'pairs that people compared'),
          labels.agreement.low,
          labels.agreement.high,
        )}.`,
      ]
    : []

/** What endpoints were paid; local labelers cost time. */
function costSentences(stages: readonly CardStage[]): string[] {
  const total = (figure: string) =>
    stages.reduce((sum, { summary }) => sum + (typeof summary[figure] === 'number' ? summary[figure] : 0), 0)
  const [cost, tokens] = [total('cost'), total('promptTokens') + total('completionTokens')]
  const known = stages.some(({ summary }) => typeof summary.cost === 'number')
  if (tokens === 0 && !known) return ['No endpoint was paid.']
  return [
    `Labelers and judges read and wrote ${counted(tokens, 'token')}` +
      `${known ? `, for ${formatCost(cost)} in the currency of their price` : '; no price was given'}.`,
  ]
}

const listed = (heading: string, sentences: readonly string[]): string[] =>
  sentences.length === 0 ? [] : [`## ${heading}`, sentences.map((sentence) => `- ${plain(sentence)}`).join('\n')]

function provenance(stages: readonly CardStage[]): string {
  const rows = stages.map(({ stage, place, version, sha256, summary, sources = {} }) => {
    const figures = figureLines(summary).map(({ words, text }) => `${words} ${text}`)
    const read = Object.entries(sources).map(([name, source]) => `${name} ${source}`)
    const cells = [`${stage} (version ${version})`, `\`${place}\``, `\`${sha256.slice(0, 12)}\``]
    return `| ${cells.join(' | ')} | ${plain([...figures, ...read].join('; '))} |`
  })
  return ['| stage | artifact | SHA-256 | figures, and what was read |', '|---|---|---|---|', ...rows].join('\n')
}

function licenceText({ licence, base, part }: CardFacts): string {
  if (licence === undefined)
    return 'No licence is stated. That of the data, and of the model that training started from, may bind whoever uses this.'
  const ofBase = base !== undefined && part !== 'labels' ? ` The model that training started from is \`${base}\`.` : ''
  return `\`${plain(licence)}\`.${ofBase} The data may have a licence of its own.`
}

// ---- Text

const fenced = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\``
const pretty = (value: unknown) => withoutPlaces(JSON.stringify(value, null, 2)).replaceAll('```', "'''")

/** Text that is only text in Markdown, without folders and addresses. */
const plain = (text: string): string =>
  withoutPlaces(text)
    .replace(/[\\`*_[\]<>|]/g, '\\$&')
    .replaceAll('\n', ' ')

/** The last part of a path or of an address of a store stays; an endpoint's host goes. */
export const withoutPlaces = (text: string): string =>
  text
    .replace(/\b(?:file|s3):\/\/[^\s"',;)]*\/([^\s"',;)/]+)\/?/g, '$1')
    .replace(/\bhttps?:\/\/[^\s"',;)]+/g, 'an endpoint')
    .replace(/(^|[\s"'(:])(?:~|[A-Za-z]:)?\/(?:[^\s"',;)/]+\/)+([^\s"',;)/]+)/g, '$1$2')
    .replace(/ at (?:[\w-]+\.)*[\w-]+:\d+/g, '')
