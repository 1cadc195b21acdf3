// Forward passes over log-probabilities and scores, whose backward pass takes coefficients that the algorithm computes.
// Shapes: M response tokens or positions of a batch, D hidden, V vocabulary.
import { smallest } from '../extremes'
import type { TokenBatch } from '../model/batch'
import { padRight } from '../model/batch'
import { crossEntropy, labelsOf } from '../model/cross-entropy'
import { operand, weight, type Gradients, type Model } from '../model/model'
import * as op from '../model/ops'
import { recorded } from '../model/recorded'
import { commonLength } from '../model/prefix'
import { readValues, tf, tidy, type Tensor } from '../model/tf'
import { backward, hidden, hiddenWithTape, logits, logitsBackward } from '../model/transformer'
import { headName, SCORE_HEAD } from '../model/weight-names'

/** A prompt with the response that followed it, as token ids. */
export interface Sequence {
  prompt: readonly number[]
  response: readonly number[]
}

/** The M response tokens of a batch, row after row. */
interface ResponseTokens {
  batch: TokenBatch
  /** The position that predicts each token, the one before it, among the N of a pass. */
  at: Int32Array // [M]
  labels: Int32Array // [M]
  /** Where each row's tokens start in `at`, and M at the end. */
  starts: number[] // [rows + 1]
}

/** A shorter beginning costs more to set apart than it saves. */
const SHORTEST_BEGINNING = 16

/**
 * Pads the sequences to one batch and indexes their response tokens.
 * @param model that reads them: in bfloat16, the tokens that all prompts begin with are computed once; float32 stays
 * what it was to the last bit
 * @throws when a prompt is empty
 */
export function responseTokens(
  sequences: readonly Sequence[],
  { precision }: Pick<Model, 'precision'> = {},
): ResponseTokens {
  const past = precision === 'bfloat16' ? sharedBeginning(sequences) : 0
  const rows = padRight(sequences.map(({ prompt, response }) => [...prompt.slice(past), ...response]))
  const batch = past > 0 ? { ...rows, beginning: Int32Array.from(sequences[0]!.prompt.slice(0, past)) } : rows
  const at: number[] = []
  const starts = [0]
  sequences.forEach(({ prompt, response }, row) => {
    if (prompt.length === 0)
      throw new Error(`training: sequence ${row} has an empty prompt; the first response token would have no context`)
    response.forEach((_, i) => {
      const place = prompt.length + i - 1
      at.push(place < past ? place : row * batch.time + place)
    })
    starts.push(at.length)
  })
  return { batch, at: Int32Array.from(at), labels: Int32Array.from(sequences.flatMap((s) => s.response)), starts }
}

/** The tokens that all prompts begin with, if they are worth a part of their own. */
function sharedBeginning(sequences: readonly Sequence[]): number {
  if (sequences.length < 2) return 0
  const prompts = sequences.map(({ prompt }) => prompt)
  const length = commonLength(prompts, smallest(prompts.map((prompt) => prompt.length)))
  return length < SHORTEST_BEGINNING ? 0 : length
}

/** log π(token) of every response token, in nats, at a sampling temperature: [M]. */
export function tokenLogProbs(model: Model, tokens: ResponseTokens, temperature = 1): Float32Array {
  return readValues(() => {
    const rows = op.gatherRows(hidden(model, tokens.batch), indices(tokens.at))
    const given = { rows, labels: labelsIn(model, tokens) }
    return recordedHead('log-probs', model, temperature, given, (head, { rows, labels }) => {
      const { loss } = crossEntropy(withTemperature(logits(head, rows), temperature), labels)
      return op.scale(loss, -1)
    })
  })
}

const labelsIn = (model: Model, tokens: ResponseTokens) =>
  labelsOf(tokens.labels, weight(model, headName(model.config)).shape[0]!)

/** `build` as one call, with the head's weight in a model of its own. */
function recordedHead<I, O>(
  kind: string,
  model: Model,
  temperature: number,
  given: I,
  build: (head: Model, given: I) => O,
): O {
  const name = headName(model.config)
  return recorded(model, `${kind}/${temperature}`, { given, head: weight(model, name) }, ({ given, head }) =>
    build({ ...model, weights: new Map([[name, head]]) }, given),
  )
}

/** A finished forward pass; `backward` must be called exactly once. */
interface Pass {
  /** Log-probabilities, in nats, or scores. */
  values: Float32Array // [M]
  /**
   * Adds the gradients of Σ coefficientᵢ · valueᵢ by every trained weight to `gradients`.
   * @param coefficients [M]
   * @returns `gradients`
   */
  backward(coefficients: Float32Array, gradients?: Gradients): Gradients
}

/** A pass over log-probabilities. */
interface LogProbPass extends Pass {
  /** Entropy of the distribution that each token came from, in nats; only if asked for. */
  entropies?: Float32Array // [M]
}

/** `tokenLogProbs` with a backward pass. @param also "entropies": compute the entropies as well */
export function differentiableLogProbs(
  model: Model,
  tokens: ResponseTokens,
  temperature = 1,
  also?: 'entropies',
): LogProbPass {
  const { hidden: states, tape } = hiddenWithTape(model, tokens.batch)
  const rowCount = states.shape[0]!
  const { rows, loss, slope, entropy } = tidy(() => {
    const rows = op.gatherRows(states, indices(tokens.at)) // [M, D]
    const kind = also ? 'loss and entropy' : 'loss'
    return recordedHead(
      kind,
      model,
      temperature,
      { rows, labels: labelsIn(model, tokens) },
      (head, { rows, labels }) => {
        const given = logits(head, rows) // [M, V]
        const scores = withTemperature(given, temperature)
        const { loss, gradient: dScores } = crossEntropy(scores, labels) // [M], [M, V]
        // The slope is p − 1 at the label, so H = log Σ eᶻ − Σ p z = loss − Σ slope · z.
        const entropy = also ? op.sub(loss, op.sum(op.mul(dScores, scores), 1)) : undefined
        const slope = operand(model, logitsBackward(model, dScores, given))
        return { rows, loss, slope, ...(entropy && { entropy }) }
      },
    )
  })
  const values = loss.dataSync<'float32'>().map((v) => -v)
  const entropies = entropy?.dataSync<'float32'>()
  tf.dispose([states, loss, ...(entropy ? [entropy] : [])])
  return {
    values,
    ...(entropies && { entropies }),
    backward(coefficients, gradients = new Map()) {
      const head = headName(model.config)
      const { dHidden, dHead } = tidy(() => {
        // The coefficients multiply the narrow sides, [M, D]: over [M, V] that would cost as much as a layer.
        const factors = tf.tensor2d(
          coefficients.map((c) => -c / temperature),
          [coefficients.length, 1],
        ) // [M, 1]
        const dRows = op.mul(op.matmul(slope, weight(model, head)), factors) // [M, D]
        return {
          dHidden: op.scatterRows(dRows, indices(tokens.at), rowCount),
          dHead: model.lora ? undefined : op.full(op.matmul(slope, op.mul(rows, factors), true)),
        }
      })
      tf.dispose([rows, slope])
      backward(model, tape, { dHidden, ...(dHead && { head: { [head]: dHead } }) }, gradients)
      return gradients
    },
  }
}

/** Hidden states at chosen positions, row after row. @param at [M], flat index into [batch · time] @returns [M · D] */
export function statesAt(model: Model, batch: TokenBatch, at: Int32Array): Float32Array {
  return readValues(() => op.gatherRows(hidden(model, batch), indices(at)))
}

/** Scores at chosen positions, without a backward pass. @param at [M], flat index into [batch · time] @returns [M] */
export function scoresAt(model: Model, batch: TokenBatch, at: Int32Array): Float32Array {
  return readValues(() => op.reshape(scoreRows(model, op.gatherRows(hidden(model, batch), indices(at))), [at.length]))
}

/** `scoresAt` with a backward pass, through the score head as well. @param at [M], flat index into [batch · time] */
export function differentiableScores(model: Model, batch: TokenBatch, at: Int32Array): Pass {
  const { hidden: states, tape } = hiddenWithTape(model, batch)
  const rowCount = states.shape[0]!
  const rows = tf.tidy(() => op.gatherRows(states, indices(at))) // [M, D]
  states.dispose()
  const values = readValues(() => op.reshape(scoreRows(model, rows), [at.length]))
  return {
    values,
    backward(coefficients, gradients = new Map()) {
      const { dHidden, dHead } = tf.tidy(() => {
        const dScores = tf.tensor2d(coefficients, [at.length, 1]) // [M, 1]
        const dRows = op.matmul(dScores, weight(model, SCORE_HEAD)) // [M, D]
        return { dHidden: op.scatterRows(dRows, indices(at), rowCount), dHead: op.matmul(dScores, rows, true) }
      })
      rows.dispose()
      backward(model, tape, { dHidden, head: { [SCORE_HEAD]: dHead } }, gradients)
      return gradients
    },
  }
}

/** rows [M, D] → scores [M, 1]. */
const scoreRows = (model: Model, rows: Tensor) => op.matmul(rows, weight(model, SCORE_HEAD), false, true)
/** scores [M, V] over the temperature; at 1 they are returned uncopied, since a copy would cost more than a layer. */
const withTemperature = (scores: Tensor, temperature: number) =>
  temperature === 1 ? scores : op.scale(scores, 1 / temperature)
const indices = (values: Int32Array) => tf.tensor1d(values, 'int32')

/**
 * Gradient accumulation, which bounds memory: the sum of the gradients over slices of at most `size` items.
 * @param pass adds the gradients of a slice to `sum`
 * @param onSlice called after each slice with the number of items done
 */
export function accumulate<T>(
  items: readonly T[],
  size: number,
  pass: (slice: readonly T[], sum: Gradients, start: number) => void,
  onSlice?: (done: number, total: number) => void,
): Gradients {
  const sum: Gradients = new Map()
  for (let start = 0; start < items.length; start += size) {
    pass(items.slice(start, start + size), sum, start)
    onSlice?.(Math.min(start + size, items.length), items.length)
  }
  return sum
}

/** The norm of all tensors together, √Σ x²; not finite if one of their values is not. */
export function globalNorm(tensors: ReadonlyMap<string, Tensor>): number {
  const halves = [...tensors.values()].map((tensor) => op.halfSquareSum(tensor))
  const total = halves.reduce((sum, half) => sum + 2 * half.dataSync()[0]!, 0)
  tf.dispose(halves)
  return Math.sqrt(total)
}

/**
 * Scales gradients whose global norm is above `maxNorm` down to it; 0 turns clipping off.
 * @returns the norm before clipping
 */
export function clipGradients(gradients: Gradients, maxNorm: number): number {
  const norm = globalNorm(gradients)
  if (maxNorm === 0 || norm <= maxNorm) return norm
  for (const [name, gradient] of gradients) {
    gradients.set(
      name,
      tf.tidy(() => op.scale(gradient, maxNorm / norm)),
    )
    gradient.dispose()
  }
  return norm
}
