// The policy of the miniature world before any training: a small Llama with a tokenizer for the world's words, as a
// model folder.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseModelConfig } from '../model/config'
import { initialModel } from '../model/initial'
import { disposeModel } from '../model/model'
import { saveModel } from '../model/weights'
import { trainBpe } from './bpe'
import { pretrainingRow } from './data'
import { CONFIG, CORPUS, SPECIAL_TOKENS, TOKENIZER_CONFIG, VOCABULARY } from './policy-shape'

/** @param instruction that the task summarization puts before a post @returns the folder */
export function writeWorldModel(folder: string, seed: number, instruction: string): string {
  const rows = Array.from({ length: CORPUS.rows }, (_, i) => pretrainingRow(CORPUS.seed, i, instruction))
  const texts = rows.flatMap(({ messages, reference }) => [messages[0]!.content, reference])
  const tokenizer = mkdtempSync(join(tmpdir(), 'rlaif-tokenizer-'))
  try {
    const trained = trainBpe(texts, VOCABULARY, SPECIAL_TOKENS) as { model: { vocab: object } }
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
