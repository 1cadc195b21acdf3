// A model folder small enough for whole runs in seconds: the default model's tokenizer and half a million arbitrary
// weights.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseModelConfig } from '../src/model/config'
import { weightShapes } from '../src/model/weight-names'
import { cacheFolder } from '../src/cache-folder'
import { tf } from '../src/model/tf'
import { disposeModel, type Model } from '../src/model/model'
import { saveModel } from '../src/model/weights'

const CONFIG = {
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
}

export const defaultModelFolder = (): string => join(cacheFolder(), 'models', 'smollm2-135m-instruct')
export const temporaryFolder = (): string => mkdtempSync(join(process.env.RLAIF_TEST_ROOT ?? tmpdir(), 'rlaif-test-'))

/** Writes the folder and returns its path. */
export function writeTinyFolder(folder = join(temporaryFolder(), 'tiny')): string {
  const config = parseModelConfig(CONFIG, 'tiny')
  const weights = new Map(
    [...weightShapes(config)].map(([name, shape]) => {
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
        shape.length === 1 ? 1 : 0.4 * Math.sin(i * i + name.length),
      )
      return [name, tf.tensor(values, shape)] as const
    }),
  )
  const model: Model = { config, weights }
  saveModel(model, folder, defaultModelFolder())
  disposeModel(model)
  return folder
}

/** A file of rows that is there, and on which stage `data` fails for good. @returns its path */
export function writeRowsWithoutPrompt(name = 'no-prompt.jsonl'): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, '{"reference": "x"}')
  return file
}
