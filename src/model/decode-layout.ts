// The weights of a float32 model laid out for decoding. With matrices of this size most of the time goes into reading
// the weights, and in float32 the kernel for a transposed right side reads them at half speed
// (docs/decisions/0001-decoding-weights.md). So they are transposed once for a whole continuation, with query/key/value
// and gate/up concatenated, norms, scales and adapters multiplied in. Shapes as in decode.ts.
import type { ModelConfig } from './architecture'
import { mergedWeight } from './linear'
import { activated, gelu } from './mlp'
import type { Model } from './model'
import { gain, standardize } from './norms'
import * as op from './ops'
import { rotate, type Rotary } from './rotary'
import { tf, tidy, type Tensor } from './tf'
import { modulesOf } from './weight-names'

/** What a block computes besides its attention, before the norms of outputs. */
export interface LayerSteps {
  /** x [B, D] → queries [B, H, C], scaled, and keys [B, K, C], both normalized and rotated, and values [B, K · C]. */
  project(x: Tensor, rotary: Rotary | undefined): { q: Tensor; k: Tensor; v: Tensor }
  /** The attention's output projection: [B, H · C] → [B, D]. */
  output(mixed: Tensor): Tensor
  /** x1 [B, D] → [B, D]. */
  mlp(x1: Tensor): Tensor
}

/** A linear layer laid out for x · w + b. */
interface LinearLayout {
  w: Tensor // [in, out]
  b?: Tensor // [out]
}
export interface LayerLayout {
  qkv: LinearLayout // out = (H + 2K) · C
  o: LinearLayout
  inner: LinearLayout // out = 2F (gate, up) or F
  down: LinearLayout
  /** Weights of the norms of queries and keys, if the family has them. */
  qkNorm?: Tensor // [1, H + K, C]
}
/** Lays a layer's weights out for decoding; they take as much memory again. */
export function layoutOf(model: Model, layer: number): LayerLayout {
  const { qkNorm, queryScale, mlp } = model.config
  const m = modulesOf(layer)
  return tidy(() => ({
    qkv: afterNorm(model, m.inputNorm, [
      linearLayout(model, m.q, qkNorm === 'none' ? queryScale : 1),
      linearLayout(model, m.k),
      linearLayout(model, m.v),
    ]),
    o: linearLayout(model, m.o),
    inner: afterNorm(
      model,
      m.mlpNorm,
      (mlp === 'gelu' ? [m.up] : [m.gate, m.up]).map((module) => linearLayout(model, module)),
    ),
    down: linearLayout(model, m.down),
    ...(qkNorm !== 'none' && { qkNorm: queryKeyGains(model, layer) }),
  }))
}

/** A linear layer with its adapter merged in, times `factor`. */
function linearLayout(model: Model, module: string, factor = 1): LinearLayout {
  const scaled = (x: Tensor) => (factor === 1 ? x : op.scale(x, factor))
  const bias = model.weights.get(`${module}.bias`)
  return {
    w: scaled(op.transpose(mergedWeight(model, module), [1, 0])),
    ...(bias && { b: op.add(scaled(bias), op.scalar(0)) }), // a copy: the layout is disposed, the model's tensor is not
  }
}

/**
 * Linear layers concatenated, with weight n and bias m of the norm before them, if there is one, multiplied in:
 * (u · n + m) w + b = u (n w) + (m w + b).
 */
function afterNorm(model: Model, module: string, parts: LinearLayout[]): LinearLayout {
  const joined = (tensors: Tensor[], axis: number) => (tensors.length > 1 ? op.concat(tensors, axis) : tensors[0]!)
  const w = joined(
    parts.map((part) => part.w),
    1,
  )
  const normBias = model.weights.get(`${module}.bias`)
  const biases = [
    ...(parts[0]!.b
      ? [
          joined(
            parts.map((part) => part.b!),
            0,
          ),
        ]
      : []),
    ...(normBias ? [op.reshape(op.matmul(op.reshape(normBias, [1, w.shape[0]!]), w), [w.shape[1]!])] : []),
  ]
  const scaled = model.config.normPlaces === 'after' ? w : op.mul(w, op.reshape(gain(model, module), [w.shape[0]!, 1]))
  return { w: scaled, ...(biases.length > 0 && { b: biases.reduce((a, b) => op.add(a, b)) }) }
}

/** What the norms of queries and keys multiply by, with the scale of the queries: [1, H + K, C]. */
function queryKeyGains(model: Model, layer: number): Tensor {
  const { headSize: c, heads, keyValueHeads: kv, qkNorm, queryScale } = model.config
  const m = modulesOf(layer)
  const perHead = (gains: Tensor, n: number) =>
    qkNorm === 'layer' ? [op.reshape(gains, [1, n, c])] : Array.from({ length: n }, () => op.reshape(gains, [1, 1, c]))
  const queries = perHead(op.scale(gain(model, m.qNorm), queryScale), heads)
  return op.concat([...queries, ...perHead(gain(model, m.kNorm), kv)], 1)
}

/** Frees laid-out weights; the model's own stay. */
export function disposeLayout({ qkv, o, inner, down, qkNorm }: LayerLayout): void {
  for (const { w, b } of [qkv, o, inner, down]) tf.dispose(b ? [w, b] : [w])
  qkNorm?.dispose()
}

/** What a block computes with laid-out weights. */
export function laidOutSteps(model: Model, layout: LayerLayout): LayerSteps {
  const { heads, keyValueHeads: kv, headSize: c, normPlaces } = model.config
  const unit = (input: Tensor) => (normPlaces === 'after' ? input : standardize(model, input))
  return {
    project(x, rotary) {
      const b = x.shape[0]!
      const [qk, v] = op.split(apply(unit(x), layout.qkv), [(heads + kv) * c, kv * c], 1) as [Tensor, Tensor]
      const rotated = normAndRotate(model, op.reshape(qk, [b, heads + kv, c]), layout.qkNorm, rotary)
      const [q, k] = op.split(rotated, [heads, kv], 1) as [Tensor, Tensor]
      return { q, k, v }
    },
    output: (mixed) => apply(mixed, layout.o),
    mlp: (x1) => apply(activate(model.config, apply(unit(x1), layout.inner)), layout.down),
  }
}

/** x [B, in] → [B, out]. */
function apply(x: Tensor, { w, b }: LinearLayout): Tensor {
  const y = op.matmul(x, w)
  return b ? op.add(y, b) : y
}

/** Queries and keys [B, H + K, C] → the same, normalized and rotated as the family does it. @param gains of the norms */
function normAndRotate(model: Model, qk: Tensor, gains: Tensor | undefined, rotary: Rotary | undefined): Tensor {
  const normed = gains ? op.mul(standardizeHeads(model, qk), gains) : qk
  return rotary ? rotate(normed, rotary) : normed
}

/** Queries and keys [B, H + K, C] → the same, each head scaled to unit size, or all queries and all keys as one. */
function standardizeHeads(model: Model, qk: Tensor): Tensor {
  const [b, n, c] = qk.shape as [number, number, number]
  const { heads, keyValueHeads: kv, qkNorm } = model.config
  const unit = (part: Tensor, rows: number, size: number) => standardize(model, op.reshape(part, [rows, size]))
  if (qkNorm === 'head') return op.reshape(unit(qk, b * n, c), [b, n, c])
  const [q, k] = op.split(qk, [heads, kv], 1) as [Tensor, Tensor]
  return op.reshape(op.concat([unit(q, b, heads * c), unit(k, b, kv * c)], 1), [b, n, c])
}

/** The MLP's inner features [B, 2F] (gate, up) or [B, F] → [B, F]. */
function activate({ mlp, intermediateSize: f }: ModelConfig, inner: Tensor): Tensor {
  if (mlp === 'gelu') return gelu(inner)
  const [gate, up] = op.split(inner, [f, f], 1) as [Tensor, Tensor]
  return op.mul(activated(mlp, gate), up)
}
