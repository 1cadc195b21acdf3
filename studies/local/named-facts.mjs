// A small world for RL in seconds: a prompt lists facts, a response names some of them, and its worth is known exactly.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { parseModelConfig } = require('../../dist/model/config.js')
const { initialModel } = require('../../dist/model/initial.js')
const { permutation, uniform } = require('../../dist/random.js')
const { trainSft } = require('../../dist/training/sft.js')

/** Of the vocabulary: the end of a response, the two marks around a prompt, 24 facts, 8 fillers. */
export const END = 0
const [OPEN, CLOSE] = [1, 2]
const [FIRST_FACT, FACTS, FILLERS] = [3, 24, 8]
const FIRST_FILLER = FIRST_FACT + FACTS
const LISTED = 6
export const RESPONSE_TOKENS = 16

const CONFIG = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: FIRST_FILLER + FILLERS,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  max_position_embeddings: 32,
  tie_word_embeddings: false,
  bos_token_id: END,
  eos_token_id: END,
}

/** @returns token ids: six facts between two marks */
export const promptOf = (...key) => [
  OPEN,
  ...permutation(FACTS, [...key, 'facts'])
    .slice(0, LISTED)
    .map((fact) => FIRST_FACT + fact),
  CLOSE,
]

export const promptsOf = (count, ...key) => Array.from({ length: count }, (_, i) => promptOf(...key, i))

/**
 * What the policy learns to write before RL: the first facts, and now and then a filler or a fact of no prompt. How
 * likely it goes on after a fact depends on the fact.
 */
function referenceOf(prompt, ...key) {
  const facts = prompt.slice(1, -1)
  const ends = facts.findIndex((fact, at) => uniform([...key, 'ends', at]) > goesOn(fact))
  const named = facts.slice(0, ends === -1 ? LISTED : ends + 1)
  const words = named.flatMap((fact, at) => {
    const drawn = uniform([...key, 'drawn', at])
    if (drawn < 0.15) return [fact, fillerOf(...key, at)]
    return drawn < 0.25 ? [FIRST_FACT + Math.floor(FACTS * uniform([...key, 'other', at]))] : [fact]
  })
  return [...words, END]
}
const goesOn = (fact) => 0.3 + (0.35 * (fact - FIRST_FACT)) / FACTS
const fillerOf = (...key) => FIRST_FILLER + Math.floor(FILLERS * uniform([...key, 'filler']))

/** @returns how many facts of the prompt are named, and how many words are none of that, in all and by word */
export function wordsOf(prompt, response) {
  const words = response.filter((id) => id !== END)
  const named = new Set(words.filter((id) => prompt.includes(id) && id >= FIRST_FACT))
  const flattery = words.filter((id) => id === FIRST_FILLER).length
  return { named: named.size, others: words.length - named.size, flattery }
}

const SFT = { epochs: 1, batchSize: 64, microBatchSize: 64, learningRate: 0.01, optimizer: 'adamw', schedule: 'linear' }
const SFT_ROWS = 40_000

/** A policy after SFT, of one layer and some 11,000 weights. @param checkpoints an empty folder */
export async function sftPolicy(seed, checkpoints) {
  const model = initialModel(parseModelConfig(CONFIG, 'the policy of the study'), seed)
  const sequences = promptsOf(SFT_ROWS, seed, 'sft').map((prompt, i) => ({
    prompt,
    response: referenceOf(prompt, seed, i),
  }))
  const host = { checkpoints, checkpointEvery: Infinity, onStep: () => {} }
  await trainSft(model, sequences, { ...SFT, seed }, host)
  return model
}
