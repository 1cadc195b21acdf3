// config.json of a Hugging Face model folder, for the model families that this runtime supports. Options that it does
// not support are refused by name.
import { z } from 'zod'
import { shownValue } from '../file-faults'

const count = z.number().int().positive()
const rope = z
  .object({
    rope_theta: z.number().positive().optional(),
    rope_type: z.string().optional(),
    type: z.string().optional(),
    factor: z.number().positive().optional(),
    low_freq_factor: z.number().positive().optional(),
    high_freq_factor: z.number().positive().optional(),
    original_max_position_embeddings: count.optional(),
  })
  .loose()
type RopeFields = z.infer<typeof rope>

/** `eos_token_id`: one id or several. */
export const endIds = z.union([z.number().int(), z.array(z.number().int())]).nullish()

const shared = {
  vocab_size: count.max(2_000_000),
  bos_token_id: z.number().int().nullish(),
  eos_token_id: endIds,
  pad_token_id: z.number().int().nullish(),
}

const rotaryConfig = z
  .object({
    ...shared,
    model_type: z.enum(['llama', 'smollm3', 'qwen2', 'qwen3']),
    hidden_size: count.max(65_536),
    intermediate_size: count.max(1_048_576),
    num_hidden_layers: count.max(1024),
    num_attention_heads: count,
    num_key_value_heads: count.optional(),
    head_dim: count.nullish(),
    rms_norm_eps: z.number().positive().default(1e-6),
    rope_theta: z.number().positive().optional(),
    rope_scaling: rope.nullish(),
    rope_parameters: rope.nullish(),
    partial_rotary_factor: z.number().default(1),
    no_rope_layers: z.array(z.number()).nullish(),
    no_rope_layer_interval: count.default(4),
    use_sliding_window: z.boolean().default(false),
    max_position_embeddings: count.default(2048),
    tie_word_embeddings: z.boolean().optional(),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    hidden_act: z.string().default('silu'),
  })
  .loose()
type RotaryConfig = z.infer<typeof rotaryConfig>

const gpt2Config = z
  .object({
    ...shared,
    model_type: z.literal('gpt2'),
    n_embd: count.max(65_536),
    n_layer: count.max(1024),
    n_head: count,
    n_inner: count.max(1_048_576).nullish(),
    n_positions: count.default(1024),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    activation_function: z.string().default('gelu_new'),
    scale_attn_weights: z.boolean().default(true),
    scale_attn_by_inverse_layer_idx: z.boolean().default(false),
    add_cross_attention: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(true),
  })
  .loose()

type Family = 'llama' | 'smollm3' | 'qwen2' | 'qwen3' | 'gpt2'

/** Rotary position embeddings: the base, and the scaling for long contexts. */
export interface Rope {
  theta: number
  scaling?:
    | { kind: 'linear'; factor: number }
    | { kind: 'llama3'; factor: number; lowFrequency: number; highFrequency: number; originalLength: number }
}

/** What the decoder needs to know. */
export interface ModelConfig {
  family: Family
  vocabSize: number
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  keyValueHeads: number
  headSize: number
  norm: 'rms' | 'layer'
  normEpsilon: number
  mlp: 'swiglu' | 'gelu'
  /** Whether query, key and value projections have a bias. */
  qkvBias: boolean
  /** Whether the attention's output projection and the MLP have a bias. */
  outputBias: boolean
  /** Whether queries and keys are normalized head by head (Qwen3). */
  qkNorm: boolean
  /** Undefined if position embeddings are learned (GPT-2). */
  rope: Rope | undefined
  /** For each layer, whether it rotates queries and keys; SmolLM3 leaves out every fourth. */
  rotaryLayers: boolean[]
  /** Longest supported sequence, in tokens. */
  contextLength: number
  /** Whether the head uses the weight of the token embedding. */
  tiedHead: boolean
  eosTokenIds: number[]
  padTokenId: number | undefined
  /** The parsed file, written back on export. */
  raw: Record<string, unknown>
}

const FAMILIES = 'llama (Llama 2 and 3, SmolLM2), smollm3, qwen2 (Qwen2, Qwen2.5), qwen3, gpt2'

/** Throws an error about a field whose value this runtime does not support. */
type Refuse = (field: string, got: unknown, supported: string) => never

/**
 * Reads the parsed content of a config.json.
 * @param where name of the file in error messages
 * @throws when the family or one of its options is not supported
 */
export function parseModelConfig(value: unknown, where: string): ModelConfig {
  const family = (value as { model_type?: unknown } | null)?.model_type
  const refuse: Refuse = (field, got, supported) => {
    throw new Error(`model: ${where} has ${field} = ${shownValue(got)}; supported is ${supported}`)
  }
  if (typeof family !== 'string' || !['llama', 'smollm3', 'qwen2', 'qwen3', 'gpt2'].includes(family))
    return refuse('model_type', family, FAMILIES)
  const parsed = (family === 'gpt2' ? gpt2Config : rotaryConfig).safeParse(value)
  if (!parsed.success) throw new Error(`model: ${where} is not a valid config: ${z.prettifyError(parsed.error)}`)
  const { data } = parsed
  const config =
    data.model_type === 'gpt2'
      ? readGpt2(data as z.infer<typeof gpt2Config>, refuse)
      : readRotary(data as RotaryConfig, refuse)
  return { ...config, raw: value as Record<string, unknown> }
}

export const listOf = (ids: number | number[] | null | undefined): number[] =>
  ids === null || ids === undefined ? [] : [ids].flat()

function readRotary(c: RotaryConfig, refuse: Refuse): Omit<ModelConfig, 'raw'> {
  if (c.hidden_act !== 'silu') refuse('hidden_act', c.hidden_act, '"silu"')
  if (c.mlp_bias) refuse('mlp_bias', true, 'false')
  if (c.attention_bias) refuse('attention_bias', true, 'false')
  if (c.use_sliding_window) refuse('use_sliding_window', true, 'false')
  if (c.partial_rotary_factor !== 1) refuse('partial_rotary_factor', c.partial_rotary_factor, '1')
  const keyValueHeads = c.num_key_value_heads ?? c.num_attention_heads
  if (c.num_attention_heads % keyValueHeads !== 0)
    refuse('num_key_value_heads', keyValueHeads, `a divisor of num_attention_heads = ${c.num_attention_heads}`)
  const headSize = c.head_dim ?? c.hidden_size / c.num_attention_heads
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) refuse('head_dim', headSize, 'an even whole number')
  return {
    family: c.model_type,
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    keyValueHeads,
    headSize,
    norm: 'rms',
    normEpsilon: c.rms_norm_eps,
    mlp: 'swiglu',
    qkvBias: c.model_type === 'qwen2',
    outputBias: false,
    qkNorm: c.model_type === 'qwen3',
    rope: readRope(c, refuse),
    rotaryLayers: rotaryLayers(c),
    contextLength: c.max_position_embeddings,
    tiedHead: c.tie_word_embeddings ?? c.model_type === 'smollm3',
    eosTokenIds: listOf(c.eos_token_id),
    padTokenId: c.pad_token_id ?? undefined,
  }
}

function rotaryLayers(c: RotaryConfig): boolean[] {
  const isRotary = (layer: number) =>
    c.no_rope_layers ? c.no_rope_layers[layer] !== 0 : (layer + 1) % c.no_rope_layer_interval !== 0
  return Array.from({ length: c.num_hidden_layers }, (_, layer) => c.model_type !== 'smollm3' || isRotary(layer))
}

function readRope(c: RotaryConfig, refuse: Refuse): Rope {
  const fields: RopeFields = c.rope_parameters ?? c.rope_scaling ?? {}
  const theta = c.rope_theta ?? fields.rope_theta ?? (c.model_type === 'smollm3' ? 2_000_000 : 10_000)
  const kind = fields.rope_type ?? fields.type ?? 'default'
  const required = (field: keyof RopeFields): number =>
    (fields[field] as number | undefined) ?? refuse(`rope_scaling.${String(field)}`, undefined, 'a number')
  if (kind === 'default') return { theta }
  if (kind === 'linear') return { theta, scaling: { kind, factor: required('factor') } }
  if (kind !== 'llama3') return refuse('rope_scaling', kind, 'none, "linear" and "llama3"')
  return {
    theta,
    scaling: {
      kind,
      factor: required('factor'),
      lowFrequency: required('low_freq_factor'),
      highFrequency: required('high_freq_factor'),
      originalLength: required('original_max_position_embeddings'),
    },
  }
}

function readGpt2(c: z.infer<typeof gpt2Config>, refuse: Refuse): Omit<ModelConfig, 'raw'> {
  if (c.activation_function !== 'gelu_new' && c.activation_function !== 'gelu_pytorch_tanh')
    refuse('activation_function', c.activation_function, '"gelu_new"')
  if (!c.scale_attn_weights) refuse('scale_attn_weights', false, 'true')
  if (c.scale_attn_by_inverse_layer_idx) refuse('scale_attn_by_inverse_layer_idx', true, 'false')
  if (c.add_cross_attention) refuse('add_cross_attention', true, 'false')
  if (c.n_embd % c.n_head !== 0) refuse('n_head', c.n_head, `a divisor of n_embd = ${c.n_embd}`)
  return {
    family: 'gpt2',
    vocabSize: c.vocab_size,
    hiddenSize: c.n_embd,
    intermediateSize: c.n_inner ?? 4 * c.n_embd,
    layers: c.n_layer,
    heads: c.n_head,
    keyValueHeads: c.n_head,
    headSize: c.n_embd / c.n_head,
    norm: 'layer',
    normEpsilon: c.layer_norm_epsilon,
    mlp: 'gelu',
    qkvBias: true,
    outputBias: true,
    qkNorm: false,
    rope: undefined,
    rotaryLayers: Array.from({ length: c.n_layer }, () => false),
    contextLength: c.n_positions,
    tiedHead: c.tie_word_embeddings,
    eosTokenIds: listOf(c.eos_token_id),
    padTokenId: c.pad_token_id ?? undefined,
  }
}
