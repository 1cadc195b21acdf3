// The policy of the miniature world before any training: a small Llama with a tokenizer for the world's words, as a
// model folder.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseModelConfig } from '../model/config'
import { initialModel } from '../model/initial'
import { disposeModel } from '../model/model'
import { saveModel } from '../model/weights'
import { trainBpe } from './bpe'
import { pretrainingRow } from './data'

/** Rows that the tokenizer is trained on, of a seed that is used for nothing else. */
const CORPUS = { seed: 900, rows: 6000 }
/** Larger than the number of words: each word becomes one token. */
const VOCABULARY = 4096
const [END, USER, ASSISTANT] = ['<|end|>', '<|user|>', '<|assistant|>']
const TEMPLATE =
  `{% for message in messages %}${USER}{{ message['content'] }}{% endfor %}` +
  `{% if add_generation_prompt %}${ASSISTANT}{% endif %}`

/**
 * 1.3 million weights. Two wide layers learn to copy from a post in half the steps of four narrow ones, and each step
 * has half the operations.
 */
const CONFIG = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 192,
  intermediate_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 6,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  bos_token_id: 0,
  eos_token_id: 0,
}
const TOKENIZER_CONFIG = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: END,
  eos_token: END,
  pad_token: END,
  add_prefix_space: true,
  clean_up_tokenization_spaces: false,
  model_max_length: 512,
  chat_template: TEMPLATE,
}

/** Changes with the words, the tokenizer's corpus and the model's shape. */
export function worldFingerprint(instruction: string): string {
  const firstRows = Array.from({ length: 100 }, (_, i) => pretrainingRow(CORPUS.seed, i, instruction))
  return createHash('sha256')
    .update(JSON.stringify([CORPUS, CONFIG, firstRows]))
    .digest('hex')
    .slice(0, 16)
}

/** @param instruction that the task summarization puts before a post @returns the folder */
export function writeWorldModel(folder: string, seed: number, instruction: string): string {
  const rows = Array.from({ length: CORPUS.rows }, (_, i) => pretrainingRow(CORPUS.seed, i, instruction))
  const texts = rows.flatMap(({ messages, reference }) => [messages[0]!.content, reference])
  const tokenizer = mkdtempSync(join(tmpdir(), 'rlaif-tokenizer-'))
  try {
    const trained = trainBpe(texts, VOCABULARY, [END!, USER!, ASSISTANT!]) as { model: { vocab: object } }
    writeFileSync(join(tokenizer, 'tokenizer.json'), JSON.stringify(trained))
    writeFileSync(join(tokenizer, 'tokenizer_config.json'), JSON.stringify(TOKENIZER_CONFIG, null, 2))
    const vocabularySize = Object.keys(trained.model.vocab).length
    const model = initialModel(parseModelConfig({ ...CONFIG, vocab_size: vocabularySize }, "the world's policy"), seed)
    saveModel(model, folder, tokenizer)
    disposeModel(model)
    return folder
  } finally {
    rmSync(tokenizer, { recursive: true, force: true })
  }
}
