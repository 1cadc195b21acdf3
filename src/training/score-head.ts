// The score head that a reward or value model starts from. Loads no TensorFlow.js: other engines start from the same one.
import { normal } from '../random'

/** D values from N(0, scale² / (D+1)), a pure function of the seed; `scale` 0 makes every score 0. */
export const scoreHead = (d: number, seed: number, scale = 1): Float32Array =>
  Float32Array.from({ length: d }, (_, i) => (scale * normal([seed, 'score-head', i])) / Math.sqrt(d + 1))
