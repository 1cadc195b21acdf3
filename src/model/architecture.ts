// What the decoder needs to know of a model: every difference between the families, as a field.

export type Family =
  'llama' | 'mistral' | 'smollm3' | 'qwen2' | 'qwen3' | 'gemma' | 'gemma2' | 'gemma3_text' | 'phi3' | 'olmo2' | 'gpt2'

/** Rotary position embeddings: the base, and the scaling for long contexts. */
export interface Rope {
  theta: number
  /** Features of a head that are rotated: the first ones, an even number. */
  features: number
  scaling?:
    | { kind: 'linear'; factor: number }
    | { kind: 'llama3'; factor: number; lowFrequency: number; highFrequency: number; originalLength: number }
    /** `factors` divide the frequencies, [features / 2]; cosine and sine are multiplied by `amplitude`. */
    | { kind: 'factors'; factors: number[]; amplitude: number }
}

/** What a layer's attention sees, and how it knows positions. Layers of one kind share the object. */
export interface LayerKind {
  /** Undefined if queries and keys are not rotated. */
  rope: Rope | undefined
  /** A token sees itself and the `window` − 1 tokens before it; undefined: all tokens before it. */
  window: number | undefined
}

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
  /** Added to the weights of norms; Gemma's files hold them less 1. */
  normOffset: 0 | 1
  /** Whether attention and MLP have their input normalized, their output (OLMo 2), or both (Gemma 2). */
  normPlaces: 'before' | 'after' | 'both'
  mlp: 'swiglu' | 'geglu' | 'gelu'
  /** Whether query, key and value projections have a bias. */
  qkvBias: boolean
  /** Whether the attention's output projection has a bias. */
  attentionOutBias: boolean
  mlpBias: boolean
  /** Whether queries and keys are normalized, head by head (Qwen3) or all heads of a layer as one (OLMo 2). */
  qkNorm: 'none' | 'head' | 'layer'
  /** Multiplies queries. */
  queryScale: number
  /** Bounds attention scores and logits softly: cap · tanh(x / cap). */
  attentionCap: number | undefined
  logitCap: number | undefined
  /** Multiplies token embeddings, not the head that shares their weight. */
  embeddingScale: number
  /** Whether positions have embeddings of their own (GPT-2). */
  learnedPositions: boolean
  /** Of each layer. */
  layerKinds: LayerKind[]
  /** Longest supported sequence, in tokens. */
  contextLength: number
  /** Whether the head uses the weight of the token embedding. */
  tiedHead: boolean
  eosTokenIds: number[]
  padTokenId: number | undefined
  /** The parsed file, written back on export. */
  raw: Record<string, unknown>
}
