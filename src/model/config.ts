// config.json of a Hugging Face model folder. What this runtime cannot honour is refused by name, never run wrongly.
import { z } from 'zod'

const rope = z.object({ rope_theta: z.number().positive().optional(), rope_type: z.string().optional(), type: z.string().optional() }).loose()

const llamaConfig = z
  .object({
    model_type: z.literal('llama'),
    vocab_size: z.number().int().positive().max(2_000_000),
    hidden_size: z.number().int().positive().max(65_536),
    intermediate_size: z.number().int().positive().max(1_048_576),
    num_hidden_layers: z.number().int().positive().max(1024),
    num_attention_heads: z.number().int().positive(),
    num_key_value_heads: z.number().int().positive().optional(),
    head_dim: z.number().int().positive().nullish(),
    rms_norm_eps: z.number().positive().default(1e-6),
    rope_theta: z.number().positive().optional(),
    rope_scaling: rope.nullish(),
    rope_parameters: rope.nullish(),
    max_position_embeddings: z.number().int().positive().default(2048),
    tie_word_embeddings: z.boolean().default(false),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    hidden_act: z.string().default('silu'),
    bos_token_id: z.number().int().nullish(),
    eos_token_id: z.union([z.number().int(), z.array(z.number().int())]).nullish(),
    pad_token_id: z.number().int().nullish(),
  })
  .loose()

/** What the decoder needs to know; `raw` is the file as it came, written back on export. */
export interface ModelConfig {
  vocabSize: number
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  keyValueHeads: number
  headSize: number
  normEpsilon: number
  ropeTheta: number
  contextLength: number
  tiedHead: boolean
  eosTokenIds: number[]
  padTokenId: number | undefined
  raw: Record<string, unknown>
}

/**
 * Reads a config.json value.
 * @param where names the file in error messages
 * @throws when the family or one of its options is not supported
 */
export function parseModelConfig(value: unknown, where: string): ModelConfig {
  const family = (value as { model_type?: unknown } | null)?.model_type
  if (family !== 'llama') throw new Error(`model: ${where} has model_type ${JSON.stringify(family)}; supported is "llama" (Llama, SmolLM2)`)
  const parsed = llamaConfig.safeParse(value)
  if (!parsed.success) throw new Error(`model: ${where} is not a valid config: ${z.prettifyError(parsed.error)}`)
  const c = parsed.data
  const refuse = (field: string, got: unknown, supported: string) => {
    throw new Error(`model: ${where} has ${field} = ${JSON.stringify(got)}; supported is ${supported}`)
  }
  if (c.hidden_act !== 'silu') refuse('hidden_act', c.hidden_act, '"silu"')
  if (c.attention_bias || c.mlp_bias) refuse('attention_bias/mlp_bias', true, 'false')
  const scaling = c.rope_parameters ?? c.rope_scaling
  const ropeType = scaling?.rope_type ?? scaling?.type ?? 'default'
  if (ropeType !== 'default') refuse('rope_scaling', ropeType, 'none')
  const keyValueHeads = c.num_key_value_heads ?? c.num_attention_heads
  if (c.num_attention_heads % keyValueHeads !== 0) refuse('num_key_value_heads', keyValueHeads, `a divisor of num_attention_heads = ${c.num_attention_heads}`)
  const headSize = c.head_dim ?? c.hidden_size / c.num_attention_heads
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) refuse('head_dim', headSize, 'an even whole number')
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    keyValueHeads,
    headSize,
    normEpsilon: c.rms_norm_eps,
    ropeTheta: c.rope_theta ?? c.rope_parameters?.rope_theta ?? 10_000,
    contextLength: c.max_position_embeddings,
    tiedHead: c.tie_word_embeddings,
    eosTokenIds: c.eos_token_id === null || c.eos_token_id === undefined ? [] : [c.eos_token_id].flat(),
    padTokenId: c.pad_token_id ?? undefined,
    raw: value as Record<string, unknown>,
  }
}

/** Every weight the config asks for, with its shape, by its Hugging Face name. */
export function weightShapes(config: ModelConfig): Map<string, number[]> {
  const { hiddenSize: d, intermediateSize: f, heads, keyValueHeads, headSize, vocabSize } = config
  const shapes = new Map<string, number[]>([['model.embed_tokens.weight', [vocabSize, d]]])
  for (let layer = 0; layer < config.layers; layer++) {
    const at = (name: string) => `model.layers.${layer}.${name}.weight`
    shapes.set(at('input_layernorm'), [d])
    shapes.set(at('self_attn.q_proj'), [heads * headSize, d])
    shapes.set(at('self_attn.k_proj'), [keyValueHeads * headSize, d])
    shapes.set(at('self_attn.v_proj'), [keyValueHeads * headSize, d])
    shapes.set(at('self_attn.o_proj'), [d, heads * headSize])
    shapes.set(at('post_attention_layernorm'), [d])
    shapes.set(at('mlp.gate_proj'), [f, d])
    shapes.set(at('mlp.up_proj'), [f, d])
    shapes.set(at('mlp.down_proj'), [d, f])
  }
  shapes.set('model.norm.weight', [d])
  if (!config.tiedHead) shapes.set('lm_head.weight', [vocabSize, d])
  return shapes
}
