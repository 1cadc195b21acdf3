// A model and inputs small enough for a whole run in seconds or, in shards, in minutes.
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { defaultModelFolder } from '../setup/places.mjs'

const require = createRequire(import.meta.url)
const { parseModelConfig } = require('../dist/model/config.js')
const { tf } = require('../dist/model/tf.js')
const { weightShapes } = require('../dist/model/weight-names.js')
const { saveModel } = require('../dist/model/weights.js')

/** Writes a model with the default model's tokenizer and half a million arbitrary weights. */
export function writeTinyModel(folder) {
  const config = parseModelConfig(
    {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: 49152,
      hidden_size: 8,
      intermediate_size: 16,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      max_position_embeddings: 2048,
      tie_word_embeddings: true,
      bos_token_id: 1,
      eos_token_id: 2,
    },
    'tiny',
  )
  const values = (shape, name) =>
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
      shape.length === 1 ? 1 : 0.4 * Math.sin(i * i + name.length),
    )
  saveModel(
    {
      config,
      weights: new Map([...weightShapes(config)].map(([name, shape]) => [name, tf.tensor(values(shape, name), shape)])),
    },
    folder,
    defaultModelFolder,
  )
  return folder
}

export const tinyInput = (model) => ({
  model,
  labeler: { model },
  judge: { model },
  data: { limit: 40, evaluationPrompts: 8 },
  limits: { responseTokens: 8 },
  sft: { batchSize: 4, epochs: 3, checkpointEvery: 2 },
  rewardModel: { epochs: 3, batchSize: 4, checkpointEvery: 2 },
  rl: { steps: 40, batchSize: 4, checkpointEvery: 2, validateEvery: 10, minEntropy: 0 },
})

/** Questions that are on their way to a labeler at a time. */
const CONCURRENCY = 4
const JURY = ['counting', 'counting-2', 'counting-3']
/** Questions of a run that are on their way at a time: each member of a jury has its own. */
export const inFlightOf = (method) => (method === 'jury' ? JURY.length : 1) * CONCURRENCY

/**
 * The same run by another method; every method that asks a labeler asks the endpoint at `baseUrl`.
 * @param method as the flag names it: "grpo" is RL with that algorithm, "watch" the same with a watch, "rounds" two
 *   rounds of RLAIF, "jury" online DPO whose pairs three labelers compare at every step
 */
export function inputOfMethod(method, model, baseUrl) {
  const [labeler, ...others] = JURY.map((name) => ({ baseUrl, model: name, concurrency: CONCURRENCY }))
  const input = { ...tinyInput(model), labeler }
  if (method === 'jury')
    return { ...inputOfMethod('online-dpo', model, baseUrl), labeler: { jury: [labeler, ...others] } }
  const pairs = { batchSize: 4, checkpointEvery: 2 }
  if (method === 'dpo') return { ...input, method, dpo: { ...pairs, epochs: 6, validateEvery: 5 } }
  if (method === 'online-dpo')
    return { ...input, method, onlineDpo: { ...pairs, steps: 30, validateEvery: 10, minEntropy: 0 } }
  if (method === 'rounds') return roundsOf(input)
  const rl = { ...input.rl, algorithm: 'grpo', groupSize: 2 }
  if (method !== 'watch') return { ...input, rl }
  const watch = { labeler: input.labeler, ask: 'pairs', action: 'back' }
  return { ...input, rl: { ...rl, validateEvery: 5, validationPrompts: 6, watch } }
}

const ROUNDS = 2
/** The runs of `align` that such a run starts. */
export const ROUND_RUNS = Array.from({ length: ROUNDS }, (_, i) => `round-${i + 1}`)

function roundsOf({ judge, ...base }) {
  return { rounds: ROUNDS, stopWithoutGain: false, judge, base: { ...base, rl: { ...base.rl, steps: 16 } } }
}

const WORDS =
  'a cat sat on the mat while two dogs ran over to it and all of them slept in the sun until it rained'.split(' ')
const wordsFrom = (start, count) => Array.from({ length: count }, (_, i) => WORDS[(start * 7 + i * 3) % WORDS.length])

/**
 * An input whose sampling, labelling and responses run in shards: made posts, a fifth of them for the evaluation.
 * @param file to write the posts to
 */
export function shardedInput(model, file, rows) {
  const post = (i) => ({
    prompt: `${i}: ${wordsFrom(i, 12 + (i % 20)).join(' ')}`,
    reference: wordsFrom(i + 5, 4).join(' '),
  })
  writeFileSync(file, Array.from({ length: rows }, (_, i) => JSON.stringify(post(i))).join('\n'))
  const input = tinyInput(model)
  return {
    ...input,
    data: { path: file, evaluationPrompts: Math.floor(rows / 5) },
    sft: { ...input.sft, batchSize: 32, epochs: 1 },
    rewardModel: { ...input.rewardModel, batchSize: 32, epochs: 1 },
    shards: { rows: 64 },
  }
}
