// A model and an input small enough for a whole run in seconds.
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
