// config.json of the families with rotary positions. A family is what transformers takes where its config.json names
// nothing, and how its layers differ from Llama's.
import { z } from 'zod'
import type { Family, LayerKind, ModelConfig, Rope } from './architecture'
import { count, listOf, shared, withoutNulls, type Refuse } from './config-fields'
import { longestContext, readLocalRope, readRope, ropeSchema } from './rope-config'

const rotaryConfig = z
  .object({
    ...shared,
    ...ropeSchema,
    hidden_size: count.max(65_536),
    intermediate_size: count.max(1_048_576),
    num_hidden_layers: count.max(1024),
    num_attention_heads: count,
    num_key_value_heads: count.nullish(),
    head_dim: count.optional(),
    rms_norm_eps: z.number().positive(),
    hidden_act: z.string(),
    hidden_activation: z.string().optional(),
    attention_bias: z.boolean(),
    mlp_bias: z.boolean(),
    tie_word_embeddings: z.boolean(),
    query_pre_attn_scalar: z.number().positive().optional(),
    attn_logit_softcapping: z.number().positive().nullish(),
    final_logit_softcapping: z.number().positive().nullish(),
    use_bidirectional_attention: z.boolean().optional(),
    layer_types: z.array(z.string()).optional(),
    sliding_window: count.nullish(),
    use_sliding_window: z.boolean().optional(),
    max_window_layers: count.or(z.literal(0)).default(28),
    sliding_window_pattern: count.default(6),
    no_rope_layers: z.array(z.number()).optional(),
    no_rope_layer_interval: count.default(4),
  })
  .loose()
type RotaryConfig = z.infer<typeof rotaryConfig>

/** Fields where a null is no default, but turns something off. */
const OFF = ['num_key_value_heads', 'sliding_window', 'attn_logit_softcapping', 'final_logit_softcapping']

interface RotaryTraits {
  /** Fields of config.json, where it does not name them. */
  defaults: Partial<RotaryConfig>
  /** Base of the rotary positions, where config.json names none. */
  theta: number
  /** The same of layers with a window, if theirs is another one. */
  localTheta?: number
  /** What config.json does not say, because all models of the family have it. */
  differences?: Partial<ModelConfig>
  /** Whether token embeddings are multiplied by √D. */
  scalesEmbeddings?: true
  /** Whether `layer_types`, if it is there, says which layers have a window. */
  hasLayerTypes?: true
  /** Whether a layer has a window otherwise; default: none. */
  hasWindow?(layer: number, c: RotaryConfig): boolean
}

const LLAMA: RotaryTraits = {
  defaults: {
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: false,
    max_position_embeddings: 2048,
  },
  theta: 10_000,
}
const QWEN: RotaryTraits = {
  defaults: {
    ...LLAMA.defaults,
    max_position_embeddings: 32_768,
    use_sliding_window: false,
    sliding_window: 4096,
  },
  theta: 10_000,
  hasLayerTypes: true,
  hasWindow: (layer, c) => layer >= c.max_window_layers,
}
const GEMMA: RotaryTraits = {
  defaults: {
    ...LLAMA.defaults,
    hidden_act: 'gelu_pytorch_tanh',
    head_dim: 256,
    tie_word_embeddings: true,
    max_position_embeddings: 8192,
  },
  theta: 10_000,
  differences: { normOffset: 1 },
  scalesEmbeddings: true,
}
/** The query scale of Gemma 2 and 3 is a field of its own, and the window a part of the family. */
const LATER_GEMMA = {
  ...GEMMA.defaults,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  query_pre_attn_scalar: 256,
  sliding_window: 4096,
}

export type RotaryFamily = Exclude<Family, 'gpt2'>
export const FAMILIES: Record<RotaryFamily, RotaryTraits> = {
  llama: LLAMA,
  mistral: {
    ...LLAMA,
    defaults: { ...LLAMA.defaults, num_key_value_heads: 8, max_position_embeddings: 131_072, sliding_window: 4096 },
    hasWindow: () => true,
  },
  smollm3: {
    defaults: {
      ...LLAMA.defaults,
      max_position_embeddings: 32_768,
      tie_word_embeddings: true,
      use_sliding_window: false,
    },
    theta: 2_000_000,
    hasLayerTypes: true,
    hasWindow: (layer, c) => !isRotated(layer, c),
  },
  qwen2: { ...QWEN, differences: { qkvBias: true, attentionOutBias: false } },
  qwen3: { ...QWEN, defaults: { ...QWEN.defaults, head_dim: 128 }, differences: { qkNorm: 'head' } },
  gemma: GEMMA,
  gemma2: {
    ...GEMMA,
    defaults: { ...LATER_GEMMA, attn_logit_softcapping: 50, final_logit_softcapping: 30 },
    differences: { ...GEMMA.differences, normPlaces: 'both' },
    hasLayerTypes: true,
    hasWindow: (layer) => layer % 2 === 0,
  },
  gemma3_text: {
    ...GEMMA,
    defaults: { ...LATER_GEMMA, vocab_size: 262_208, max_position_embeddings: 131_072 },
    theta: 1_000_000,
    localTheta: 10_000,
    differences: { ...GEMMA.differences, normPlaces: 'both', qkNorm: 'head' },
    hasLayerTypes: true,
    hasWindow: (layer, c) => (layer + 1) % c.sliding_window_pattern !== 0,
  },
  phi3: {
    ...LLAMA,
    defaults: { ...LLAMA.defaults, rms_norm_eps: 1e-5, max_position_embeddings: 4096 },
    hasWindow: () => true,
  },
  olmo2: {
    ...LLAMA,
    defaults: { ...LLAMA.defaults, rms_norm_eps: 1e-5 },
    differences: { normPlaces: 'after', qkNorm: 'layer' },
  },
}

/** What was read, and how its faults are told. */
interface Source {
  raw: Record<string, unknown>
  where: string
  refuse: Refuse
}

/** @throws when a field is missing, or has a value that is not supported */
export function readRotary(family: RotaryFamily, { raw, where, refuse }: Source): Omit<ModelConfig, 'raw'> {
  const { defaults, theta, differences, scalesEmbeddings } = FAMILIES[family]
  const parsed = rotaryConfig.safeParse({ ...defaults, ...withoutNulls(raw, OFF) })
  if (!parsed.success) throw new Error(`model: ${where} is not a valid config: ${z.prettifyError(parsed.error)}`)
  const c = parsed.data
  if (c.use_bidirectional_attention) refuse('use_bidirectional_attention', true, 'false')
  const keyValueHeads = c.num_key_value_heads ?? c.num_attention_heads
  if (c.num_attention_heads % keyValueHeads !== 0)
    refuse('num_key_value_heads', keyValueHeads, `a divisor of num_attention_heads = ${c.num_attention_heads}`)
  const headSize = c.head_dim ?? c.hidden_size / c.num_attention_heads
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) refuse('head_dim', headSize, 'an even whole number')
  const rope = readRope(c, { headSize, theta, refuse })
  return {
    family,
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    keyValueHeads,
    headSize,
    norm: 'rms',
    normEpsilon: c.rms_norm_eps,
    normOffset: 0,
    normPlaces: 'before',
    mlp: readMlp(c, refuse),
    qkvBias: c.attention_bias,
    attentionOutBias: c.attention_bias,
    mlpBias: c.mlp_bias,
    qkNorm: 'none',
    queryScale: 1 / Math.sqrt(c.query_pre_attn_scalar ?? headSize),
    attentionCap: c.attn_logit_softcapping ?? undefined,
    logitCap: c.final_logit_softcapping ?? undefined,
    embeddingScale: scalesEmbeddings ? Math.sqrt(c.hidden_size) : 1,
    learnedPositions: false,
    layerKinds: layerKinds(FAMILIES[family], c, { rope, headSize, refuse }),
    contextLength: longestContext(c),
    tiedHead: c.tie_word_embeddings,
    eosTokenIds: listOf(c.eos_token_id),
    padTokenId: c.pad_token_id,
    ...differences,
  }
}

/** Early Gemma folders say "gelu" and mean its tanh approximation. */
const MLPS: Record<string, ModelConfig['mlp']> = {
  silu: 'swiglu',
  swish: 'swiglu',
  gelu_pytorch_tanh: 'geglu',
  gelu_new: 'geglu',
}
function readMlp(c: RotaryConfig, refuse: Refuse): ModelConfig['mlp'] {
  const name = c.hidden_activation ?? c.hidden_act
  const isEarlyGemma = c.model_type === 'gemma' && name === 'gelu'
  return MLPS[isEarlyGemma ? 'gelu_pytorch_tanh' : name] ?? refuse('hidden_act', name, '"silu" and "gelu_pytorch_tanh"')
}

/** SmolLM3 leaves the rotation out in every fourth layer; other families do not have these fields. */
function isRotated(layer: number, c: RotaryConfig): boolean {
  if (c.model_type !== 'smollm3') return true
  return c.no_rope_layers ? c.no_rope_layers[layer] !== 0 : (layer + 1) % c.no_rope_layer_interval !== 0
}

function layerKinds(
  { hasLayerTypes, hasWindow, localTheta }: RotaryTraits,
  c: RotaryConfig,
  { rope, headSize, refuse }: { rope: Rope; headSize: number; refuse: Refuse },
): LayerKind[] {
  const isLocal = (layer: number): boolean => {
    const type = hasLayerTypes && c.layer_types ? c.layer_types[layer] : undefined
    if (type === undefined) return hasWindow?.(layer, c) ?? false
    if (type !== 'sliding_attention' && type !== 'full_attention')
      return refuse(`layer_types[${layer}]`, type, '"full_attention" and "sliding_attention"')
    return type === 'sliding_attention'
  }
  const window = c.use_sliding_window === false ? undefined : (c.sliding_window ?? undefined)
  const binding = window !== undefined && window < longestContext(c) ? window : undefined
  const localRope = localTheta === undefined ? rope : readLocalRope(c, { headSize, theta: localTheta, refuse })
  const kinds = new Map<string, LayerKind>()
  return Array.from({ length: c.num_hidden_layers }, (_, layer) => {
    const [local, rotated] = [isLocal(layer), isRotated(layer, c)]
    const key = `${local} ${rotated}`
    const kind = { rope: rotated ? (local ? localRope : rope) : undefined, window: local ? binding : undefined }
    return kinds.get(key) ?? kinds.set(key, kind).get(key)!
  })
}
