// How the files of a model family hold its weights. All use the names and layout of weight-names.ts ("ours"), except:
//   Gemma 2 and 3, OLMo 2   other names for the norms around attention and MLP
//   Phi-3                   query, key and value are one weight, gate and up another
//   GPT-2                   names of its own; linear weights are [in, out], with query, key and value in one
import type { ModelConfig } from './architecture'

/** One weight in a file: its name and shape there, and the conversion to our layout. */
interface StoredWeight {
  name: string
  shape: number[]
  /** Values in the file's layout → values in ours. */
  take(values: Float32Array): Float32Array
}

/** Where in a file one of our weights lies: as rows `from` to `from` + its own of a weight of `total` rows. */
interface Slot {
  name: string
  from: number
  total: number
  /** Whether the file's weight is [in, out]. */
  isTransposed: boolean
}

/** [rows, columns] → [columns, rows]. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column]!
  return out
}

/** The parts of a weight in a file: for each of our modules, the rows before it, and the rows of all. */
type Parts = Record<string, { file: string; from: number; total: number }>

function joined(file: string, modules: readonly [string, number][]): Parts {
  const total = modules.reduce((sum, [, rows]) => sum + rows, 0)
  let from = 0
  return Object.fromEntries(
    modules.map(([module, rows]) => {
      from += rows
      return [module, { file, from: from - rows, total }]
    }),
  )
}

const queryKeyValue = (file: string, { heads, keyValueHeads: kv, headSize: c }: ModelConfig): Parts =>
  joined(file, [
    ['self_attn.q_proj', heads * c],
    ['self_attn.k_proj', kv * c],
    ['self_attn.v_proj', kv * c],
  ])

const NORMS_AFTER = {
  attention_output_layernorm: 'post_attention_layernorm',
  post_attention_layernorm: 'pre_feedforward_layernorm',
  mlp_output_layernorm: 'post_feedforward_layernorm',
}
const GPT2_MODULES = {
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

interface FileLayout {
  /** Our module of a layer → the file's. */
  names: Partial<Record<string, string>>
  parts: Parts
  isGpt2: boolean
}

function layoutOf(config: ModelConfig): FileLayout {
  const { family, intermediateSize: f, normPlaces } = config
  if (family === 'gpt2') return { names: GPT2_MODULES, parts: queryKeyValue('attn.c_attn', config), isGpt2: true }
  const names = normPlaces === 'before' ? {} : NORMS_AFTER
  if (family !== 'phi3') return { names, parts: {}, isGpt2: false }
  const gateAndUp = joined('mlp.gate_up_proj', [
    ['mlp.gate_proj', f],
    ['mlp.up_proj', f],
  ])
  return { names, parts: { ...queryKeyValue('self_attn.qkv_proj', config), ...gateAndUp }, isGpt2: false }
}

/** Whether the files hold several of our layers as one weight: adapters of PEFT then have other shapes than ours. */
export const hasJoinedLayers = (config: ModelConfig): boolean => Object.keys(layoutOf(config).parts).length > 0

function slotOf(config: ModelConfig, name: string, [rows]: readonly number[]): Slot {
  const { names, parts, isGpt2 } = layoutOf(config)
  const whole = { from: 0, total: rows!, isTransposed: false }
  if (name === 'lm_head.weight' || name === 'score.weight') return { name, ...whole }
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? []
  if (!module) return { name: isGpt2 ? `transformer.${GPT2_OTHERS[name]}` : name, ...whole }
  const at = isGpt2 ? `transformer.h.${layer}` : `model.layers.${layer}`
  const { file, from, total } = parts[module] ?? { file: names[module] ?? module, ...whole }
  const isLinear = module.endsWith('_proj') && kind === 'weight'
  return { name: `${at}.${file}.${kind}`, from, total, isTransposed: isGpt2 && isLinear }
}

/** Where the files of a family hold one of our weights. @param shape in our layout */
export function storedAs(config: ModelConfig, name: string, shape: number[]): StoredWeight {
  const { name: stored, from, total, isTransposed } = slotOf(config, name, shape)
  const [rows, columns] = [shape[0]!, shape[1] ?? 1]
  const cut = (values: Float32Array) =>
    rows === total ? values : values.slice(from * columns, (from + rows) * columns)
  return {
    name: stored,
    shape: isTransposed ? [columns, total] : [total, ...shape.slice(1)],
    take: (values) => cut(isTransposed ? transposed(values, columns, total) : values),
  }
}

/** A weight to be written. `read` may be slow: it is called once, when the weight is written. */
export interface WrittenWeight {
  name: string
  shape: number[]
  read(): Float32Array
}

/** Our weights → the layout of the family's files, in file order. */
export function toStored(config: ModelConfig, weights: readonly WrittenWeight[]): WrittenWeight[] {
  const byFile = new Map<string, (WrittenWeight & { slot: Slot })[]>()
  for (const weight of weights) {
    const slot = slotOf(config, weight.name, weight.shape)
    byFile.set(slot.name, [...(byFile.get(slot.name) ?? []), { ...weight, slot }])
  }
  return [...byFile].map(([name, parts]) => {
    const { slot, shape } = parts[0]!
    const rest = shape.slice(1)
    const read = () => (parts.length > 1 ? concatenated(parts) : parts[0]!.read())
    if (!slot.isTransposed) return { name, shape: [slot.total, ...rest], read }
    return { name, shape: [...rest, slot.total], read: () => transposed(read(), slot.total, rest[0]!) }
  })
}

/** Parts of one weight, by rows. */
function concatenated(parts: readonly (WrittenWeight & { slot: Slot })[]): Float32Array {
  const values = [...parts].sort((a, b) => a.slot.from - b.slot.from).map((part) => part.read())
  const out = new Float32Array(values.reduce((n, { length }) => n + length, 0))
  let start = 0
  for (const part of values) {
    out.set(part, start)
    start += part.length
  }
  return out
}
