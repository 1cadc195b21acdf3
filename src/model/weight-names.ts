// One set of names for all weights, those of Llama in Hugging Face's layout, whatever names the files of a family use
// (stored.ts).
import type { ModelConfig } from './architecture'

export const EMBEDDING = 'model.embed_tokens.weight'
export const POSITIONS = 'model.embed_positions.weight'
export const LAST_NORM = 'model.norm'
/** The head of reward and value models, [1, D], under the name that transformers gives it. */
export const SCORE_HEAD = 'score.weight'
/** The weight of the language-model head, [V, D]. */
export const headName = (config: ModelConfig): string => (config.tiedHead ? EMBEDDING : 'lm_head.weight')

/**
 * The modules of a layer, by their names inside it; a module's weights are `${module}.weight` and, if it has a bias,
 * `${module}.bias`.
 */
export const MODULES = {
  inputNorm: 'input_layernorm',
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  qNorm: 'self_attn.q_norm',
  kNorm: 'self_attn.k_norm',
  o: 'self_attn.o_proj',
  attentionOutNorm: 'attention_output_layernorm',
  mlpNorm: 'post_attention_layernorm',
  gate: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  down: 'mlp.down_proj',
  mlpOutNorm: 'mlp_output_layernorm',
} as const

/** What the names of a layer's modules begin with in the whole model. */
export const layerPrefix = (layer: number): string => `model.layers.${layer}.`

/** The modules of a layer by their names in the whole model. */
export const modulesOf = (layer: number) =>
  Object.fromEntries(Object.entries(MODULES).map(([module, name]) => [module, layerPrefix(layer) + name])) as Record<
    keyof typeof MODULES,
    string
  >

/** The name and shape of every weight that a model of this config has. A linear layer's weight is [out, in]. */
export function weightShapes(config: ModelConfig): Map<string, number[]> {
  const { hiddenSize: d, intermediateSize: f, heads, keyValueHeads, headSize: c, vocabSize } = config
  const shapes = new Map<string, number[]>([[EMBEDDING, [vocabSize, d]]])
  const linear = (module: string, out: number, into: number, bias: boolean) => {
    shapes.set(`${module}.weight`, [out, into])
    if (bias) shapes.set(`${module}.bias`, [out])
  }
  const norm = (module: string, size = d) => {
    shapes.set(`${module}.weight`, [size])
    if (config.norm === 'layer') shapes.set(`${module}.bias`, [size])
  }
  const [before, after] = [config.normPlaces !== 'after', config.normPlaces !== 'before']
  if (config.learnedPositions) shapes.set(POSITIONS, [config.contextLength, d])
  for (let layer = 0; layer < config.layers; layer++) {
    const m = modulesOf(layer)
    if (before) norm(m.inputNorm)
    linear(m.q, heads * c, d, config.qkvBias)
    linear(m.k, keyValueHeads * c, d, config.qkvBias)
    linear(m.v, keyValueHeads * c, d, config.qkvBias)
    if (config.qkNorm !== 'none') {
      norm(m.qNorm, config.qkNorm === 'head' ? c : heads * c)
      norm(m.kNorm, config.qkNorm === 'head' ? c : keyValueHeads * c)
    }
    linear(m.o, d, heads * c, config.attentionOutBias)
    if (after) norm(m.attentionOutNorm)
    if (before) norm(m.mlpNorm)
    if (config.mlp !== 'gelu') linear(m.gate, f, d, config.mlpBias)
    linear(m.up, f, d, config.mlpBias)
    linear(m.down, d, f, config.mlpBias)
    if (after) norm(m.mlpOutNorm)
  }
  norm(LAST_NORM)
  if (!config.tiedHead) shapes.set('lm_head.weight', [vocabSize, d])
  return shapes
}
