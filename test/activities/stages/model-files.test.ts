// Stage `model` on folders as people have them: buffers that no model asks for, shards that are missing, nulls.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { data as dataStage } from '../../../src/activities/stages/data'
import { model as modelStage } from '../../../src/activities/stages/model'
import { sample as sampleStage } from '../../../src/activities/stages/sample'
import { InvalidInput } from '../../../src/contracts/parse'
import { readModelConfig } from '../../../src/model/folder'
import { initialModel } from '../../../src/model/initial'
import { disposeModel } from '../../../src/model/model'
import { saveModel } from '../../../src/model/weights'
import { temporaryFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

const tokenizer = join(__dirname, '../../reference/chat/phi')

/** A model with arbitrary weights, a tokenizer and the given fields of config.json. */
function modelOf(fields: object, maxShardBytes = 5e9): string {
  const from = join(temporaryFolder(), 'phi')
  cpSync(tokenizer, from, { recursive: true })
  const config = JSON.parse(readFileSync(join(from, 'config.json'), 'utf8')) as object
  writeFileSync(join(from, 'config.json'), JSON.stringify({ ...config, ...fields }))
  const folder = join(temporaryFolder(), 'model')
  const model = initialModel(readModelConfig(from), 1)
  saveModel(model, folder, from, { maxShardBytes })
  disposeModel(model)
  return folder
}
const stored = (spec: string) => computeStage(modelStage, 'model', { spec })

/** Adds tensors of any dtype to a file of weights. */
function addTensors(file: string, added: Record<string, { dtype: string; shape: number[]; bytes: number }>): void {
  const whole = readFileSync(file)
  const headerBytes = Number(whole.readBigUInt64LE())
  const header = JSON.parse(whole.subarray(8, 8 + headerBytes).toString()) as Record<string, object>
  let end = whole.length - 8 - headerBytes
  for (const [name, { bytes, ...rest }] of Object.entries(added)) {
    header[name] = { ...rest, data_offsets: [end, end + bytes] }
    end += bytes
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  const data = whole.subarray(8 + headerBytes)
  writeFileSync(file, Buffer.concat([length, json, data, Buffer.alloc(end - data.length)]))
}

test('buffers of kinds that nobody reads are left alone; a weight of such a kind is named', async () => {
  const gpt2 = { model_type: 'gpt2', n_embd: 8, n_layer: 1, n_head: 2, n_positions: 64 }
  const folder = modelOf(gpt2)
  const file = join(folder, 'model.safetensors')
  addTensors(file, {
    'transformer.h.0.attn.bias': { dtype: 'BOOL', shape: [1, 1, 8, 8], bytes: 64 },
    'transformer.h.0.attn.masked_bias': { dtype: 'I64', shape: [], bytes: 8 },
    'transformer.position_ids': { dtype: 'U8', shape: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], bytes: 1 },
  })
  expect((await stored(folder)).summary.parameters).toBeGreaterThan(1000)
  const text = readFileSync(file, 'latin1').replace('{"dtype":"F32"', '{"dtype":"F8E"')
  writeFileSync(file, Buffer.from(text.replace(/^([\s\S]{8})\{/, '$1{'), 'latin1'))
  await expect(stored(folder)).rejects.toThrow(/tensor "transformer\.wte\.weight" has dtype F8E; supported are F64/)
})

test('shards that the index names and the folder lacks are named, with the folder', async () => {
  const folder = modelOf({}, 2000)
  expect((await stored(folder)).summary.parameters).toBeGreaterThan(1000)
  const index = JSON.parse(readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8')) as {
    weight_map: Record<string, string>
  }
  const [first, second, ...others] = [...new Set(Object.values(index.weight_map))]
  rmSync(join(folder, second!))
  await expect(stored(folder)).rejects.toThrow(new RegExp(`lacks 1 of the ${others.length + 2} shards .*: ${second};`))
  rmSync(join(folder, first!))
  await expect(stored(folder)).rejects.toThrow(new RegExp(`${folder} lacks 2 of .*: ${first}, ${second};`))
})

test('weights of a model that was saved without its head carry no prefix', async () => {
  const folder = modelOf({ tie_word_embeddings: true })
  const file = join(folder, 'model.safetensors')
  const want = await stored(folder)
  const text = readFileSync(file, 'latin1')
  const headerBytes = Number(readFileSync(file).readBigUInt64LE())
  const header = text
    .slice(8, 8 + headerBytes)
    .replaceAll('"model.', '"')
    .padEnd(headerBytes)
  writeFileSync(file, Buffer.from(text.slice(0, 8) + header + text.slice(8 + headerBytes), 'latin1'))
  expect((await stored(folder)).summary.parameters).toBe(want.summary.parameters)
})

test('a folder without tokenizer_config.json has a plain tokenizer; an end id that is no token is not one', async () => {
  const folder = modelOf({ eos_token_id: [-1, 3, 1_000_000] })
  rmSync(join(folder, 'tokenizer_config.json'))
  expect((await stored(folder)).summary.parameters).toBeGreaterThan(1000)
  expect(readModelConfig(folder).eosTokenIds).toEqual([3])
})

test('a quantized checkpoint is refused by its method', async () => {
  const folder = modelOf({})
  const file = join(folder, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8')) as object
  const withMethod = (quantization_config: unknown) =>
    writeFileSync(file, JSON.stringify({ ...config, quantization_config }))
  withMethod({ quant_method: 'awq', bits: 4 })
  await expect(stored(folder)).rejects.toThrow(/config\.json has quantization_config = "awq"; supported is none/)
  withMethod(null)
  expect((await stored(folder)).summary.parameters).toBeGreaterThan(1000)
})

test('a run whose limits do not fit the context of the model ends at once, with the remedy', async () => {
  const model = await stored(modelOf({ model_type: 'gpt2', n_embd: 8, n_layer: 1, n_head: 2, n_positions: 32 }))
  const file = join(temporaryFolder(), 'rows.jsonl')
  const rows = Array.from({ length: 4 }, (_, i) => ({
    prompt: `What of question ${i} is long enough for ${i} tokens?`,
  }))
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  const limits = { promptTokens: 500, responseTokens: 4 }
  const input = { task: 'helpful', data: { path: file, evaluationPrompts: 1 }, limits, model }
  const data = await computeStage(dataStage, 'data', input)
  const sampling = computeStage(sampleStage, 'sample', { policy: model, data, limits })
  await expect(sampling).rejects.toThrow(/than the model's context of 32; lower limits\.promptTokens and/)
  await expect(sampling).rejects.toThrow(InvalidInput)
})
