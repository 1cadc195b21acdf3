// config.json of a Hugging Face model folder, for the model families that this runtime supports. Options that it does
// not support are refused by name.
import { z } from 'zod'
import { shownValue } from '../file-faults'
import type { ModelConfig } from './architecture'
import { count, listOf, shared, withoutNulls, type Refuse } from './config-fields'
import { FAMILIES, readRotary, type RotaryFamily } from './rotary-config'

const gpt2Config = z
  .object({
    ...shared,
    n_embd: count.max(65_536),
    n_layer: count.max(1024),
    n_head: count,
    n_inner: count.max(1_048_576).optional(),
    n_positions: count.default(1024),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    activation_function: z.string().default('gelu_new'),
    scale_attn_weights: z.boolean().default(true),
    scale_attn_by_inverse_layer_idx: z.boolean().default(false),
    add_cross_attention: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(true),
  })
  .loose()

const NAMES =
  'llama (Llama 2 and 3, SmolLM2), mistral, mistral3, smollm3, qwen2 (Qwen2, Qwen2.5), qwen3, gemma, gemma2, gemma3, ' +
  'gemma3_text, phi3 (Phi-3 and Phi-4), olmo2, gpt2'

/**
 * Reads the parsed content of a config.json.
 * @param where name of the file in error messages
 * @throws when the family or one of its options is not supported
 */
export function parseModelConfig(value: unknown, where: string): ModelConfig {
  const raw = languageModel(value)
  const family = raw.model_type
  const refuse: Refuse = (field, got, supported) => {
    throw new Error(`model: ${where} has ${field} = ${shownValue(got)}; supported is ${supported}`)
  }
  if (typeof family !== 'string' || (family !== 'gpt2' && !Object.hasOwn(FAMILIES, family)))
    return refuse('model_type', family, NAMES)
  if (raw.quantization_config)
    refuse('quantization_config', quantizationMethod(raw.quantization_config), 'none: weights in F32, F16 or BF16')
  const source = { raw, where, refuse }
  const config = family === 'gpt2' ? readGpt2(source) : readRotary(family as RotaryFamily, source)
  return { ...config, raw }
}

/** Models that see images as well, and what their part that reads and writes text is called alone. */
const WITH_IMAGES: Record<string, { model_type: string; architectures: [string] }> = {
  gemma3: { model_type: 'gemma3_text', architectures: ['Gemma3ForCausalLM'] },
  mistral3: { model_type: 'mistral', architectures: ['MistralForCausalLM'] },
}

/** Fields that count where the whole model names them. */
const OF_WHOLE = ['eos_token_id', 'pad_token_id', 'bos_token_id', 'tie_word_embeddings', 'quantization_config']

/** The config of the language model, which models with images keep in `text_config`; its weights alone are read. */
function languageModel(value: unknown): Record<string, unknown> {
  const whole = (value ?? {}) as Record<string, unknown>
  const text = whole.text_config as Record<string, unknown> | null | undefined
  const alone = typeof whole.model_type === 'string' ? WITH_IMAGES[whole.model_type] : undefined
  if (!alone || typeof text !== 'object' || text === null) return whole
  const isKnown = [undefined, alone.model_type].includes(text.model_type as string | undefined)
  const ofWhole = OF_WHOLE.filter((field) => field in whole).map((field) => [field, whole[field]])
  return { ...text, ...Object.fromEntries(ofWhole), ...(isKnown && alone) }
}

const quantizationMethod = (config: unknown): unknown =>
  typeof config === 'object' && config !== null && 'quant_method' in config ? config.quant_method : config

function readGpt2({ raw, where, refuse }: { raw: Record<string, unknown>; where: string; refuse: Refuse }) {
  const parsed = gpt2Config.safeParse(withoutNulls(raw))
  if (!parsed.success) throw new Error(`model: ${where} is not a valid config: ${z.prettifyError(parsed.error)}`)
  const c = parsed.data
  if (c.activation_function !== 'gelu_new' && c.activation_function !== 'gelu_pytorch_tanh')
    refuse('activation_function', c.activation_function, '"gelu_new"')
  if (!c.scale_attn_weights) refuse('scale_attn_weights', false, 'true')
  if (c.scale_attn_by_inverse_layer_idx) refuse('scale_attn_by_inverse_layer_idx', true, 'false')
  if (c.add_cross_attention) refuse('add_cross_attention', true, 'false')
  if (c.n_embd % c.n_head !== 0) refuse('n_head', c.n_head, `a divisor of n_embd = ${c.n_embd}`)
  const headSize = c.n_embd / c.n_head
  const kind = { rope: undefined, window: undefined }
  return {
    family: 'gpt2',
    vocabSize: c.vocab_size,
    hiddenSize: c.n_embd,
    intermediateSize: c.n_inner ?? 4 * c.n_embd,
    layers: c.n_layer,
    heads: c.n_head,
    keyValueHeads: c.n_head,
    headSize,
    norm: 'layer',
    normEpsilon: c.layer_norm_epsilon,
    normOffset: 0,
    normPlaces: 'before',
    mlp: 'gelu',
    qkvBias: true,
    attentionOutBias: true,
    mlpBias: true,
    qkNorm: 'none',
    queryScale: 1 / Math.sqrt(headSize),
    attentionCap: undefined,
    logitCap: undefined,
    embeddingScale: 1,
    learnedPositions: true,
    layerKinds: Array.from({ length: c.n_layer }, () => kind),
    contextLength: c.n_positions,
    tiedHead: c.tie_word_embeddings,
    eosTokenIds: listOf(c.eos_token_id),
    padTokenId: c.pad_token_id,
  } satisfies Omit<ModelConfig, 'raw'>
}
