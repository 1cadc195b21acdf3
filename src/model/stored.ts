// How the files of a model family hold its weights. All use the names and layout of weight-names.ts ("ours") except
// GPT-2, whose linear weights are [in, out], with query, key and value in one.
import type { ModelConfig } from './config'

/** One weight in a file: its name and shape there, and the conversion to our layout. */
interface StoredWeight {
  name: string
  shape: number[]
  /** Values in the file's layout → values in ours. */
  take(values: Float32Array): Float32Array
}

const identity = (values: Float32Array) => values

/** Transposes `count` columns of [rows, columns], from column `from`: → [count, rows]. */
function transposeColumns(
  values: Float32Array,
  [rows, columns]: readonly [number, number],
  from = 0,
  count = columns,
): Float32Array {
  const out = new Float32Array(rows * count)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < count; column++) out[column * rows + row] = values[row * columns + from + column]!
  return out
}

const GPT2_MODULES: Record<string, string> = {
  input_layernorm: 'ln_1',
  post_attention_layernorm: 'ln_2',
  'self_attn.o_proj': 'attn.c_proj',
  'mlp.up_proj': 'mlp.c_fc',
  'mlp.down_proj': 'mlp.c_proj',
}
const GPT2_OTHERS: Record<string, string> = {
  'model.embed_tokens.weight': 'wte.weight',
  'model.embed_positions.weight': 'wpe.weight',
  'model.norm.weight': 'ln_f.weight',
  'model.norm.bias': 'ln_f.bias',
}

/** Where the files of a family hold one of our weights. @param shape in our layout */
export function storedAs(config: ModelConfig, name: string, shape: number[]): StoredWeight {
  if (config.family !== 'gpt2' || name === 'lm_head.weight' || name === 'score.weight')
    return { name, shape, take: identity }
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? []
  if (!module) return { name: `transformer.${GPT2_OTHERS[name]}`, shape, take: identity }
  const at = `transformer.h.${layer}`
  const part = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'].indexOf(module)
  const d = config.hiddenSize
  if (part >= 0 && kind === 'bias')
    return { name: `${at}.attn.c_attn.bias`, shape: [3 * d], take: (values) => values.slice(part * d, (part + 1) * d) }
  if (part >= 0)
    return {
      name: `${at}.attn.c_attn.weight`,
      shape: [d, 3 * d],
      take: (values) => transposeColumns(values, [d, 3 * d], part * d, d),
    }
  const stored = `${at}.${GPT2_MODULES[module]}.${kind}`
  if (shape.length === 1) return { name: stored, shape, take: identity }
  const [out, into] = shape as [number, number]
  return { name: stored, shape: [into, out], take: (values) => transposeColumns(values, [into, out]) }
}

/** A weight to be written. `read` may be slow: it is called once, when the weight is written. */
export interface WrittenWeight {
  name: string
  shape: number[]
  read(): Float32Array
}

/** Our weights → the layout of the family's files, in file order. */
export function toStored(config: ModelConfig, weights: readonly WrittenWeight[]): WrittenWeight[] {
  if (config.family !== 'gpt2') return [...weights]
  const byName = new Map(weights.map((w) => [w.name, w]))
  return weights.flatMap((w): WrittenWeight[] => {
    const { name, shape } = storedAs(config, w.name, w.shape)
    if (/self_attn\.[kv]_proj/.test(w.name)) return [] // written with the query
    if (!w.name.includes('self_attn.q_proj'))
      return [
        {
          name,
          shape,
          read: () =>
            shape.length === 2 && name.includes('.h.')
              ? transposeColumns(w.read(), w.shape as [number, number])
              : w.read(),
        },
      ]
    const parts = ['q_proj', 'k_proj', 'v_proj'].map((part) => byName.get(w.name.replace('q_proj', part))!)
    return [
      {
        name,
        shape,
        read: () =>
          sideBySide(
            parts.map((part) => part.read()),
            config.hiddenSize,
            shape.length === 1,
          ),
      },
    ]
  })
}

/** Query, key and value, [d] or [d, d] each → one bias [3d] or one weight [d, 3d]. */
function sideBySide(parts: Float32Array[], d: number, isBias: boolean): Float32Array {
  const out = new Float32Array(parts.reduce((n, part) => n + part.length, 0))
  parts.forEach((values, part) => {
    if (isBias) out.set(values, part * d)
    else for (let o = 0; o < d; o++) for (let i = 0; i < d; i++) out[i * 3 * d + part * d + o] = values[o * d + i]!
  })
  return out
}
