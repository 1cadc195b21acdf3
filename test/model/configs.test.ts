// config.json in the forms found on the Hub: what is read agrees with transformers (test/reference/configs.py), and what
// cannot be honoured is refused by name.
import { parseModelConfig } from '../../src/model/config'
import { rotaryTables } from '../../src/model/rotary'
import type { Rope } from '../../src/model/architecture'
import { weightShapes } from '../../src/model/weight-names'
import files from '../reference/configs.json'

/** Cosines at position 1 of the features that are rotated, one of each pair. */
const cosines = (rope: Rope, headSize: number) =>
  [...rotaryTables(rope, headSize, Int32Array.of(1)).cos.dataSync()].slice(0, rope.features / 2)

test.each(files.map((file) => [file.name, file] as const))('%s', (_, { raw, read }) => {
  const config = parseModelConfig(raw, 'config.json')
  const { headSize, keyValueHeads, queryScale, tiedHead, normEpsilon, attentionCap, logitCap } = config
  expect(keyValueHeads).toBe(read.keyValueHeads ?? raw.num_attention_heads)
  expect({ headSize, tiedHead, normEpsilon }).toEqual({
    headSize: read.headSize,
    tiedHead: read.tiedHead,
    normEpsilon: read.normEpsilon,
  })
  expect(queryScale).toBeCloseTo(read.queryScale, 12)
  expect([attentionCap ?? null, logitCap ?? null]).toEqual([read.attentionCap, read.logitCap])
  expect(config.contextLength).toBe(read.isLongRope ? read.originalLength : read.contextLength)
  const parameters = [...weightShapes(config).values()].reduce((n, shape) => n + shape.reduce((a, b) => a * b, 1), 0)
  expect(parameters).toBe(read.parameters)
  expect(config.layerKinds).toHaveLength(read.layers.length)
  config.layerKinds.forEach(({ rope, window }, layer) => {
    const want = read.layers[layer]!
    expect(window ?? null).toBe(want.window !== null && want.window < config.contextLength ? want.window : null)
    const got = rope && cosines(rope, headSize)
    if (want.cos === null) expect(got).toBeUndefined()
    else expect(Math.max(...want.cos.map((cos, i) => Math.abs(cos - got![i]!)))).toBeLessThan(1e-6)
    expect(got?.length).toBe(want.cos?.length)
  })
})

const llama = files[0]!.raw
test.each<[string, object, RegExp]>([
  [
    'a mixture of experts',
    { model_type: 'mixtral', num_local_experts: 8 },
    /model_type = "mixtral"; supported is llama/,
  ],
  ['another scaling', { rope_scaling: { rope_type: 'ntk' } }, /rope_scaling = "ntk"; supported is none, "linear"/],
  ['YaRN without its factor', { rope_scaling: { rope_type: 'yarn' } }, /rope_scaling\.factor = undefined/],
  ['scaling without its factor', { rope_scaling: { type: 'linear' } }, /rope_scaling\.factor = undefined/],
  ['long scaling without factors', { rope_scaling: { type: 'longrope' } }, /rope_scaling\.short_factor = undefined/],
  ['another activation', { hidden_act: 'relu' }, /hidden_act = "relu"; supported is "silu"/],
  ['exact GELU', { hidden_act: 'gelu' }, /hidden_act = "gelu"/],
  ['rotation of an odd number of features', { partial_rotary_factor: 0.4 }, /partial_rotary_factor = 0\.4/],
  [
    'layers of another kind',
    { model_type: 'qwen3', layer_types: ['full_attention', 'linear_attention'] },
    /layer_types\[1\] = "linear_attention"; supported is "full_attention" and "sliding_attention"/,
  ],
  [
    'attention to later tokens',
    { model_type: 'gemma3_text', use_bidirectional_attention: true },
    /use_bidirectional_attention = true/,
  ],
])('%s is refused by name', (_, fields, message) => {
  expect(() => parseModelConfig({ ...llama, ...fields }, 'config.json')).toThrow(message)
})

test('a null is the default, wherever it stands, except for what it turns off', () => {
  const nulls = {
    rope_theta: null,
    tie_word_embeddings: null,
    attention_bias: null,
    mlp_bias: null,
    hidden_act: null,
    rms_norm_eps: null,
    max_position_embeddings: null,
    partial_rotary_factor: null,
    layer_types: null,
    use_sliding_window: null,
    eos_token_id: null,
    rope_parameters: { rope_type: null, factor: null, original_max_position_embeddings: null, rope_theta: null },
  }
  for (const model_type of ['llama', 'qwen2', 'gemma3_text', 'phi3']) {
    const { raw: _r, ...read } = parseModelConfig({ ...llama, ...nulls, model_type }, 'config.json')
    const named = Object.fromEntries(Object.entries(llama).filter(([field]) => !(field in nulls)))
    const { raw: _n, ...want } = parseModelConfig({ ...named, model_type }, 'config.json')
    expect(read).toEqual(want)
  }
  const gpt2 = { model_type: 'gpt2', vocab_size: 8, n_embd: 8, n_layer: 1, n_head: 2 }
  const read = parseModelConfig({ ...gpt2, n_inner: null, layer_norm_epsilon: null, n_positions: null }, 'config.json')
  expect(read).toMatchObject({ intermediateSize: 32, normEpsilon: 1e-5, contextLength: 1024 })
})
