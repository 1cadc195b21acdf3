// Converts a GGUF file to a Hugging Face folder: weights are dequantized and renamed, config and tokenizer rebuilt from
// the metadata.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseModelConfig } from './config'
import { weightShapes } from './weight-names'
import { openGguf, type GgufFile, type GgufTensor, type GgufValue } from './gguf'
import { writeSafetensors } from './safetensors'
import { shownValue } from '../file-faults'

/** Raise when the same file would give another folder: imported folders are kept. */
export const IMPORTER = 2

const LAYER_NAMES: Record<string, string> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
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

function ggufName(name: string): string {
  const match = /^model\.layers\.(\d+)\.(.+)\.weight$/.exec(name)
  return match ? `blk.${match[1]}.${LAYER_NAMES[match[2]!]}.weight` : OTHER_NAMES[name]!
}

/** Typed access to the metadata; missing keys and wrong types are reported by key. */
function reader(metadata: Map<string, GgufValue>, file: string) {
  const get = <T>(key: string, is: (v: GgufValue) => boolean, kind: string, fallback?: T): T => {
    const value = metadata.get(key)
    if (value === undefined && fallback !== undefined) return fallback
    if (value === undefined || !is(value))
      throw new Error(`gguf: ${file} has no ${kind} "${key}" in its metadata; it cannot be imported`)
    return value as T
  }
  return {
    number: (key: string, fallback?: number) =>
      Number(get<number>(key, (v) => typeof v === 'number' || typeof v === 'bigint', 'number', fallback)),
    string: (key: string, fallback?: string) => get<string>(key, (v) => typeof v === 'string', 'text', fallback),
    list: <T extends 'string' | 'number'>(key: string, of: T) =>
      get<(T extends 'string' ? string : number)[]>(
        key,
        (v) => Array.isArray(v) && v.every((item) => typeof item === of),
        `list of ${of}s`,
      ),
    optionalNumber: (key: string) =>
      metadata.has(key)
        ? Number(get<number>(key, (v) => typeof v === 'number' || typeof v === 'bigint', 'number'))
        : undefined,
  }
}
type Reader = ReturnType<typeof reader>

function buildConfig(gguf: GgufFile, meta: Reader, file: string): Record<string, unknown> {
  const architecture = meta.string('general.architecture')
  if (architecture !== 'llama')
    throw new Error(
      `gguf: ${file} holds a model of the family ${shownValue(architecture)}; supported is "llama" (Llama, SmolLM2)`,
    )
  if (gguf.metadata.has('llama.rope.scaling.type') || gguf.tensors.has('rope_freqs.weight'))
    throw new Error(`gguf: ${file} uses rope scaling, which is not supported yet`)
  const heads = meta.number('llama.attention.head_count')
  const hidden = meta.number('llama.embedding_length')
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: gguf.tensors.get('token_embd.weight')?.shape[0] ?? meta.number('llama.vocab_size'),
    hidden_size: hidden,
    intermediate_size: meta.number('llama.feed_forward_length'),
    num_hidden_layers: meta.number('llama.block_count'),
    num_attention_heads: heads,
    num_key_value_heads: meta.number('llama.attention.head_count_kv', heads),
    head_dim: meta.number('llama.rope.dimension_count', hidden / heads),
    rms_norm_eps: Number(meta.number('llama.attention.layer_norm_rms_epsilon').toPrecision(6)),
    rope_theta: meta.number('llama.rope.freq_base', 10_000),
    max_position_embeddings: meta.number('llama.context_length'),
    tie_word_embeddings: !gguf.tensors.has('output.weight'),
    attention_bias: false,
    mlp_bias: false,
    hidden_act: 'silu',
    bos_token_id: meta.optionalNumber('tokenizer.ggml.bos_token_id'),
    eos_token_id: meta.optionalNumber('tokenizer.ggml.eos_token_id'),
    pad_token_id: meta.optionalNumber('tokenizer.ggml.padding_token_id'),
    torch_dtype: 'float32',
  }
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const PRE_TOKENIZERS: Record<string, object> = {
  smollm: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel] },
  'gpt-2': byteLevel,
}

const CONTROL_TOKEN = 3
const USER_TOKEN = 4

function buildTokenizer(meta: Reader, file: string): { tokenizer: object; config: object } {
  const kind = meta.string('tokenizer.ggml.model')
  const pre = meta.string('tokenizer.ggml.pre', 'gpt-2')
  const preTokenizer = PRE_TOKENIZERS[pre]
  if (kind !== 'gpt2' || !preTokenizer)
    throw new Error(
      `gguf: ${file} has the tokenizer ${shownValue(kind)} with pre-tokenizer ${shownValue(pre)}; ` +
        `supported are gpt2 with ${Object.keys(PRE_TOKENIZERS).join(', ')}`,
    )
  const tokens = meta.list('tokenizer.ggml.tokens', 'string')
  const types = meta.list('tokenizer.ggml.token_type', 'number')
  const added = tokens
    .map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: types[id] === CONTROL_TOKEN,
    }))
    .filter(({ id }) => types[id] === CONTROL_TOKEN || types[id] === USER_TOKEN)
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: { ...byteLevel, use_regex: true },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: meta.list('tokenizer.ggml.merges', 'string').map((merge) => merge.split(' ')),
    },
  }
  const tokenNamed = (key: string) => {
    const id = meta.optionalNumber(`tokenizer.ggml.${key}_token_id`)
    return id === undefined ? undefined : tokens[id]
  }
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: tokenNamed('bos'),
    eos_token: tokenNamed('eos'),
    unk_token: tokenNamed('unknown'),
    pad_token: tokenNamed('padding') ?? tokenNamed('eos'),
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    model_max_length: meta.number('llama.context_length'),
    chat_template: meta.string('tokenizer.chat_template', ''),
  }
  return { tokenizer, config }
}

/**
 * llama.cpp interleaves the two rotary halves of the query and key rows; Hugging Face keeps them apart. [rows, columns]
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
function storedWeight(
  { gguf, headSize, file }: { gguf: GgufFile; headSize: number; file: string },
  name: string,
  shape: number[],
) {
  const tensor: GgufTensor | undefined = gguf.tensors.get(ggufName(name))
  if (!tensor) throw new Error(`gguf: ${file} lacks the tensor ${ggufName(name)}`)
  if (String(tensor.shape) !== String(shape))
    throw new Error(
      `gguf: ${file}: tensor ${tensor.name} has shape [${tensor.shape.join(', ')}], ` +
        `its metadata asks for [${shape.join(', ')}]`,
    )
  const rotary = /\.(q|k)_proj\./.test(name)
  return {
    name,
    shape,
    read: () => (rotary ? unpermute(tensor.read(), shape[0]!, shape[1]!, headSize) : tensor.read()),
  }
}

/**
 * Converts a GGUF file to a Hugging Face folder, which appears at `folder` only when complete.
 * @throws when the file is damaged, or of a family, tokenizer or quantization that is not supported
 */
export function importGguf(file: string, folder: string): void {
  const staging = `${folder}.partial-${process.pid}`
  const gguf = openGguf(file)
  try {
    const meta = reader(gguf.metadata, file)
    const rawConfig = buildConfig(gguf, meta, file)
    const { tokenizer, config: tokenizerConfig } = buildTokenizer(meta, file)
    const config = parseModelConfig(rawConfig, file)
    mkdirSync(staging, { recursive: true })
    const json = (name: string, value: object) =>
      writeFileSync(join(staging, name), JSON.stringify(value, null, name === 'tokenizer.json' ? 0 : 2))
    const source = { gguf, headSize: config.headSize, file }
    writeSafetensors(
      join(staging, 'model.safetensors'),
      [...weightShapes(config)].map(([name, shape]) => storedWeight(source, name, shape)),
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
