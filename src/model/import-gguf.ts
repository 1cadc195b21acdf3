// Converts a GGUF file to a Hugging Face folder: weights are dequantized and renamed, config and tokenizer rebuilt from
// the metadata.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shownValue } from '../file-faults'
import { parseModelConfig } from './config'
import { openGguf, type GgufFile, type GgufTensor } from './gguf'
import { metadataReader, type MetadataReader } from './gguf-metadata'
import { ggufTokenizer } from './gguf-tokenizer'
import { scaleFrequency } from './rope-scaling'
import { writeSafetensors } from './safetensors'
import { weightShapes } from './weight-names'

/** Raise when the same file would give another folder: imported folders are kept. */
export const IMPORTER = 3

/** Families whose tensors llama.cpp names and lays out alike, by `general.architecture`. */
const ARCHITECTURES: Record<string, { name: string; isInterleaved: boolean }> = {
  llama: { name: 'LlamaForCausalLM', isInterleaved: true },
  qwen2: { name: 'Qwen2ForCausalLM', isInterleaved: false },
  qwen3: { name: 'Qwen3ForCausalLM', isInterleaved: false },
}

const LAYER_NAMES: Record<string, string> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
}
const OTHER_NAMES: Record<string, string> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
}
/** Factors of the rotary frequencies; they become the config's `rope_scaling`. */
const ROPE_FACTORS = 'rope_freqs.weight'

function ggufName(name: string): string {
  const match = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name)
  return match ? `blk.${match[1]}.${LAYER_NAMES[match[2]!]}.${match[3]}` : OTHER_NAMES[name]!
}

interface Source {
  gguf: GgufFile
  meta: MetadataReader
  file: string
}

/** `general.architecture`. @throws when it is not supported */
function architectureOf({ meta, file }: Source): string {
  const architecture = meta.string('general.architecture')
  if (!Object.hasOwn(ARCHITECTURES, architecture))
    throw new Error(
      `gguf: ${file} holds a model of the family ${shownValue(architecture)}; ` +
        'supported are "llama" (Llama 2 and 3, Mistral, SmolLM2), "qwen2" and "qwen3"',
    )
  return architecture
}

function buildConfig(source: Source): Record<string, unknown> {
  const { gguf, meta } = source
  const architecture = architectureOf(source)
  const [key, token] = [
    (name: string) => `${architecture}.${name}`,
    (name: string) => `tokenizer.ggml.${name}_token_id`,
  ]
  const heads = meta.number(key('attention.head_count'))
  const hidden = meta.number(key('embedding_length'))
  const rope = {
    size: meta.number(key('rope.dimension_count'), hidden / heads),
    theta: meta.number(key('rope.freq_base'), 10_000),
  }
  const ends = [meta.optionalNumber(token('eos')), meta.optionalNumber(token('eot'))].filter((id) => id !== undefined)
  const scaling = ropeScaling(source, rope)
  return {
    architectures: [ARCHITECTURES[architecture]!.name],
    model_type: architecture,
    vocab_size: gguf.tensors.get('token_embd.weight')?.shape[0] ?? meta.number(key('vocab_size')),
    hidden_size: hidden,
    intermediate_size: meta.number(key('feed_forward_length')),
    num_hidden_layers: meta.number(key('block_count')),
    num_attention_heads: heads,
    num_key_value_heads: meta.number(key('attention.head_count_kv'), heads),
    head_dim: meta.number(key('attention.key_length'), rope.size),
    rms_norm_eps: Number(meta.number(key('attention.layer_norm_rms_epsilon')).toPrecision(6)),
    rope_theta: rope.theta,
    ...(scaling && { rope_scaling: scaling }),
    max_position_embeddings: meta.number(key('context_length')),
    tie_word_embeddings: !gguf.tensors.has('output.weight'),
    ...(architecture === 'llama' && { attention_bias: false, mlp_bias: false }),
    hidden_act: 'silu',
    bos_token_id: meta.optionalNumber(token('bos')),
    eos_token_id: ends.length > 1 ? [...new Set(ends)] : ends[0],
    pad_token_id: meta.optionalNumber(token('padding')),
    torch_dtype: 'float32',
  }
}

/** How Llama 3.1 and later were scaled, except for the factor. */
const LLAMA3 = { lowFrequency: 1, highFrequency: 4, originalLength: 8192 }

/** `rope_scaling` of config.json. @throws when it is of another kind */
function ropeScaling(
  { gguf, meta, file }: Source,
  { size, theta }: { size: number; theta: number },
): object | undefined {
  const key = (name: string) => `${meta.string('general.architecture')}.rope.${name}`
  const type = meta.string(key('scaling.type'), 'none')
  const factors = gguf.tensors.get(ROPE_FACTORS)?.read()
  if (type === 'linear') return { rope_type: 'linear', factor: meta.number(key('scaling.factor')) }
  if (type !== 'none') throw new Error(`gguf: ${file} uses the rope scaling ${shownValue(type)}; supported is linear`)
  if (!factors) return undefined
  const factor = factors.reduce((a, b) => Math.max(a, b), 1)
  factors.forEach((given, i) => {
    const frequency = theta ** ((-2 * i) / size)
    const want = frequency / scaleFrequency(frequency, i, { kind: 'llama3', factor, ...LLAMA3 })
    if (!(Math.abs(given - want) < 1e-3 * want))
      throw new Error(`gguf: ${file} scales rope frequency ${i} by ${given}; supported is the scaling of Llama 3.1`)
  })
  return {
    rope_type: 'llama3',
    factor,
    low_freq_factor: LLAMA3.lowFrequency,
    high_freq_factor: LLAMA3.highFrequency,
    original_max_position_embeddings: LLAMA3.originalLength,
  }
}

/**
 * llama.cpp interleaves the two rotary halves of the query and key rows of Llama; Hugging Face keeps them apart.
 * [rows, columns]
 */
function unpermute(values: Float32Array, rows: number, columns: number, headSize: number): Float32Array {
  const out = new Float32Array(values.length)
  const halfSize = headSize / 2
  for (let row = 0; row < rows; row++) {
    const within = row % headSize
    const from = row - within + 2 * (within % halfSize) + Math.floor(within / halfSize)
    out.set(values.subarray(from * columns, (from + 1) * columns), row * columns)
  }
  return out
}

/** A weight ready to be written. @throws when the file lacks it or has another shape */
function storedWeight({ gguf, meta, file }: Source, headSize: number, [name, shape]: [string, number[]]) {
  const tensor: GgufTensor | undefined = gguf.tensors.get(ggufName(name))
  if (!tensor) throw new Error(`gguf: ${file} lacks the tensor ${ggufName(name)}`)
  if (String(tensor.shape) !== String(shape))
    throw new Error(
      `gguf: ${file}: tensor ${tensor.name} has shape [${tensor.shape.join(', ')}], ` +
        `its metadata asks for [${shape.join(', ')}]`,
    )
  const { isInterleaved } = ARCHITECTURES[meta.string('general.architecture')]!
  const isRotated = isInterleaved && /\.(q|k)_proj\./.test(name)
  return {
    name,
    shape,
    read: () => (isRotated ? unpermute(tensor.read(), shape[0]!, shape[1]!, headSize) : tensor.read()),
  }
}

/** A tensor that no weight is made of would change what the model computes. */
function refuseOtherTensors({ gguf, file }: Source, names: readonly string[]): void {
  const known = new Set([...names.map(ggufName), ROPE_FACTORS])
  const other = [...gguf.tensors.keys()].find((name) => !known.has(name))
  if (other !== undefined)
    throw new Error(
      `gguf: ${file} holds the tensor ${JSON.stringify(other.slice(0, 80))}, which a model of its family does not have`,
    )
}

/**
 * Converts a GGUF file to a Hugging Face folder, which appears at `folder` only when complete.
 * @throws when the file is damaged, or of a family, tokenizer or quantization that is not supported
 */
export function importGguf(file: string, folder: string): void {
  const staging = `${folder}.partial-${process.pid}`
  const gguf = openGguf(file)
  try {
    const meta = metadataReader(gguf.metadata, file)
    const source = { gguf, meta, file }
    const rawConfig = buildConfig(source)
    const { tokenizer, config: tokenizerConfig } = ggufTokenizer(meta, file)
    const config = parseModelConfig(rawConfig, file)
    const shapes = [...weightShapes(config)]
    refuseOtherTensors(
      source,
      shapes.map(([name]) => name),
    )
    mkdirSync(staging, { recursive: true })
    const json = (name: string, value: object) =>
      writeFileSync(join(staging, name), JSON.stringify(value, null, name === 'tokenizer.json' ? 0 : 2))
    writeSafetensors(
      join(staging, 'model.safetensors'),
      shapes.map((weight) => storedWeight(source, config.headSize, weight)),
    )
    json('config.json', rawConfig)
    json('tokenizer.json', tokenizer)
    json('tokenizer_config.json', tokenizerConfig)
    rmSync(folder, { recursive: true, force: true })
    renameSync(staging, folder)
  } finally {
    gguf.close()
    rmSync(staging, { recursive: true, force: true })
  }
}
