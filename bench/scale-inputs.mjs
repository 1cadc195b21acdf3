// What bench/scale.mjs runs on: a model of some thousand weights, and posts and comparisons as many as the paper's.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { defaultModelFolder } from '../setup/places.mjs'

const require = createRequire(import.meta.url)
const { parseModelConfig } = require('../dist/model/config.js')
const { tf } = require('../dist/model/tf.js')
const { weightShapes } = require('../dist/model/weight-names.js')
const { writeSafetensors } = require('../dist/model/safetensors.js')
const { saveModel } = require('../dist/model/weights.js')

/** Of the default model's vocabulary, the tokens with the lowest ids, which are the most frequent. */
const VOCABULARY = 2048

/** Writes the default model's tokenizer, cut to the most frequent tokens, to a folder. */
function writeSmallTokenizer(folder) {
  const tokenizer = JSON.parse(readFileSync(join(defaultModelFolder, 'tokenizer.json'), 'utf8'))
  const kept = Object.entries(tokenizer.model.vocab).filter(([, id]) => id < VOCABULARY)
  const known = new Set(kept.map(([token]) => token))
  tokenizer.model.vocab = Object.fromEntries(kept)
  tokenizer.model.merges = tokenizer.model.merges.filter((pair) => known.has(pair.join('')))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
  const config = readFileSync(join(defaultModelFolder, 'tokenizer_config.json'))
  writeFileSync(join(folder, 'tokenizer_config.json'), config)
}

/** A Llama of one layer and 17,000 arbitrary weights. */
export function writeSmallModel(folder) {
  const tokenizer = `${folder}-tokenizer`
  writeSmallTokenizer(tokenizer)
  const config = parseModelConfig(
    {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: VOCABULARY,
      hidden_size: 8,
      intermediate_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      num_key_value_heads: 1,
      max_position_embeddings: 2048,
      tie_word_embeddings: true,
      bos_token_id: 1,
      eos_token_id: 2,
    },
    'small',
  )
  const values = (shape, name) =>
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
      shape.length === 1 ? 1 : 0.4 * Math.sin(i * i + name.length),
    )
  const weights = new Map(
    [...weightShapes(config)].map(([name, shape]) => [name, tf.tensor(values(shape, name), shape)]),
  )
  saveModel({ config, weights }, folder, tokenizer)
  rmSync(tokenizer, { recursive: true })
  return folder
}

const BILLION = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: VOCABULARY,
  hidden_size: 2048,
  intermediate_size: 8512,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 2048,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
  torch_dtype: 'bfloat16',
}

/** A Llama of 1.01 billion arbitrary weights in bfloat16, written tensor by tensor. */
export function writeLargeModel(folder) {
  writeSmallTokenizer(folder)
  writeFileSync(join(folder, 'config.json'), JSON.stringify(BILLION))
  const shapes = [...weightShapes(parseModelConfig(BILLION, 'large'))]
  const largest = Math.max(...shapes.map(([, shape]) => shape.reduce((a, b) => a * b, 1)))
  const values = Float32Array.from({ length: largest + shapes.length }, (_, i) => 0.04 * Math.sin(i * i))
  writeSafetensors(
    join(folder, 'model.safetensors'),
    shapes.map(([name, shape], at) => ({
      name,
      shape,
      read() {
        const size = shape.reduce((a, b) => a * b, 1)
        return shape.length === 1 ? new Float32Array(size).fill(1) : values.subarray(at, at + size)
      },
    })),
    'BF16',
  )
  return folder
}

const WORDS = (
  'the of and to in is that it was for on are with as they be at one have this from or had by but some what there we ' +
  'can out other were all your when up use word how said an each she which do their time if will way about many then'
).split(' ')

/** Text of so many words, a function of the seed. */
export function text(seed, words) {
  let state = (seed * 2654435761 + 12345) >>> 0
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  return Array.from({ length: words }, () => WORDS[Math.floor(WORDS.length * next())]).join(' ')
}

/**
 * Posts of 40 to 160 words with a summary each, and comparisons of two summaries of some of them, as rows of one file.
 * @returns the file
 */
export function writePosts(file, posts, pairs) {
  const handle = openSync(file, 'w')
  for (let i = 0; i < posts; i++) {
    const prompt = `${i} ${text(i, 40 + (i % 121))}`
    writeSync(handle, `${JSON.stringify({ prompt, reference: text(i + 1e6, 6 + (i % 6)) })}\n`)
    // as in the comparisons of the paper's data, some posts have several pairs and many have none
    for (let pair = i; pair < pairs; pair += Math.ceil(posts / 2)) {
      if (i >= Math.ceil(posts / 2)) break
      const responses = [text(pair + 2e6, 6 + (pair % 6)), text(pair + 3e6, 5 + (pair % 5))]
      writeSync(handle, `${JSON.stringify({ prompt, responses, preferred: 1 + (pair % 2) })}\n`)
    }
  }
  closeSync(handle)
  return file
}
