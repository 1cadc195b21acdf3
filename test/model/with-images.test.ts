// Models that see images as well: their language model is read, computes what transformers computes from texts, and is
// saved as a model of its own (test/reference/with_images.py).
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { padRight } from '../../src/model/batch'
import { readModelConfig } from '../../src/model/folder'
import { disposeModel } from '../../src/model/model'
import { readValues } from '../../src/model/tf'
import { hidden, logits } from '../../src/model/transformer'
import { loadModel, saveModel } from '../../src/model/weights'
import expected from '../reference/with-images/expected.json'
import { temporaryFolder } from '../tiny-folder'

const folderOf = (name: string) => join(__dirname, '../reference/with-images', name)

function lastLogits(folder: string): Float32Array {
  const model = loadModel(folder)
  const values = readValues(() => logits(model, hidden(model, padRight([expected.text]))))
  disposeModel(model)
  return values.subarray(values.length - model.config.vocabSize)
}

describe.each([
  ['gemma3', 'gemma3_text', 'Gemma3ForCausalLM'],
  ['mistral3', 'mistral', 'MistralForCausalLM'],
] as const)('%s', (name, family, architecture) => {
  const expectAgreement = (folder: string) => {
    const got = lastLogits(folder)
    expected.logits[name].forEach((want, i) => expect(Math.abs(got[i]! - want)).toBeLessThan(1e-4))
  }

  test('logits of a text agree; the end ids are those of the whole model', () => {
    expectAgreement(folderOf(name))
    expect(readModelConfig(folderOf(name))).toMatchObject({ family, eosTokenIds: [2, 5], padTokenId: 0 })
  })

  test('saved, it is a model without images', () => {
    const saved = join(temporaryFolder(), 'saved')
    const model = loadModel(folderOf(name))
    saveModel(model, saved, folderOf(name))
    disposeModel(model)
    expectAgreement(saved)
    const config = JSON.parse(readFileSync(join(saved, 'config.json'), 'utf8')) as object
    expect(config).toMatchObject({ model_type: family, architectures: [architecture], eos_token_id: [2, 5] })
    expect(config).not.toHaveProperty('text_config')
  })

  test('weights may have the names of other versions of transformers', () => {
    const folder = join(temporaryFolder(), 'renamed')
    cpSync(folderOf(name), folder, { recursive: true })
    const file = join(folder, 'model.safetensors')
    const text = readFileSync(file, 'latin1')
    const end = 8 + Number(readFileSync(file).readBigUInt64LE())
    const header = text.slice(8, end).replaceAll('"language_model.model.', '"model.language_model.')
    writeFileSync(file, Buffer.from(text.slice(0, 8) + header + text.slice(end), 'latin1'))
    expectAgreement(folder)
  })
})
