// Counter-based randomness: a number depends on its key alone, never on what was drawn before. So a retried step, a
// resumed run and another batch composition draw the same numbers (design decision 6).

/** A key is a list of integers and names, for example `[seed, 'rl', step, row]`. */
export type RandomKey = readonly (number | string)[]

const { imul } = Math // in the sandboxes of tests a look at a global costs fifty times this function

/** Mixes one 32-bit word into a 32-bit state (the finalizer of MurmurHash3 after a multiply-rotate). */
function mix(state: number, word: number): number {
  let h = imul(state ^ imul(word, 0xcc9e2d51), 0x85ebca6b)
  h ^= h >>> 13
  h = imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function mixString(state: number, text: string): number {
  let h = mix(state, text.length)
  for (let i = 0; i < text.length; i++) h = mix(h, text.charCodeAt(i) + 1)
  return h
}

function hash(key: RandomKey, lane: number): number {
  let h = mix(0x9e3779b9, lane)
  for (const part of key) {
    h = typeof part === 'string' ? mixString(h, part) : mix(mix(h, part | 0), Math.floor(part / 4294967296) | 0)
  }
  return mix(h, key.length)
}

/** A uniform number in [0, 1) with 53 random bits, a pure function of `key`. */
export function uniform(key: RandomKey): number {
  return ((hash(key, 0) >>> 5) * 67108864 + (hash(key, 1) >>> 6)) / 9007199254740992
}

/**
 * Many uniform numbers in [0, 1) from one key, faster than with one key each: for what is drawn in one go and never
 * resumed halfway. (sfc32 of PractRand, seeded by the key.)
 */
export function uniformStream(key: RandomKey): () => number {
  let [a, b, c, d] = [hash(key, 0), hash(key, 1), hash(key, 2), 1]
  const next = () => {
    const t = (a + b + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return (t >>> 0) / 4294967296
  }
  for (let i = 0; i < 15; i++) next() // the first numbers still look like the seed
  return next
}

/** A standard normal number (Box–Muller), a pure function of `key`. */
export function normal(key: RandomKey): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform([...key, 'radius'])))
  return radius * Math.cos(2 * Math.PI * uniform([...key, 'angle']))
}

/** The numbers 0 … n-1 in an order that is a pure function of `key` (Fisher–Yates). */
export function permutation(n: number, key: RandomKey): number[] {
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform([...key, i]) * (i + 1))
    const swapped = order[i]!
    order[i] = order[j]!
    order[j] = swapped
  }
  return order
}
