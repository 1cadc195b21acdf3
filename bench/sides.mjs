// Two processes that do the same work on request: one line of JSON in, one line of JSON out.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { formatNumber } from '../dist/number-format.js'

/** @returns {{ ask(work: object): Promise<{ seconds: number, peakBytes: number }>, close(): void }} */
export function openSide(command, args) {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', process.env.RLAIF_BENCH_VERBOSE ? 'inherit' : 'ignore'],
  })
  const waiting = []
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)))
  child.on('exit', (code) =>
    waiting
      .splice(0)
      .forEach(({ reject }) =>
        reject(new Error(`bench: ${args.join(' ')} ended with ${code}; RLAIF_BENCH_VERBOSE=1 shows its messages`)),
      ),
  )
  return {
    ask: (work) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        child.stdin.write(`${JSON.stringify(work)}\n`)
      }),
    close: () => child.kill(),
  }
}

/** A side whose process lives for one question: of those that do not fit the memory together. */
export const openSideAnew = (command, args) => ({
  async ask(work) {
    const side = openSide(command, args)
    try {
      return await side.ask(work)
    } finally {
      side.close()
    }
  },
  close() {},
})

const PRECISIONS = ['float32', 'bfloat16']

/** Both sides in both precisions. @param open opens a side in a precision */
export const openSides = (ours, peer) =>
  PRECISIONS.map((precision) => ({ ours: ours(precision), peer: peer(precision) }))

export const closeSides = (sides) =>
  sides.forEach(({ ours, peer }) => {
    ours.close()
    peer.close()
  })

/**
 * All sides do `work` in turn, once to warm up (unless the work itself leaves out its beginning) and then `rounds` times.
 * @returns seconds [rounds][ours in float32, peer, ours in bfloat16, peer], and the peaks of memory in the same order
 */
export async function inTurn(sides, work, rounds, { warmUp = true } = {}) {
  const all = sides.flatMap(({ ours, peer }) => [ours, peer])
  if (warmUp) for (const side of all) await side.ask(work)
  const seconds = []
  let peaks = []
  for (let round = 0; round < rounds; round++) {
    const answers = []
    for (const side of all) answers.push(await side.ask(work))
    seconds.push(answers.map((answer) => answer.seconds))
    peaks = answers.map(({ peakBytes }) => peakBytes / 1e9)
  }
  return { seconds, peaks }
}

/** Of an even number of values, the mean of the middle two. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2
}
const inWords = (of, unit) => PRECISIONS.map((name, i) => `${name} ${of(2 * i)} / ${of(2 * i + 1)} ${unit}`).join('; ')

/** A row whose ratio is of each side's faster precision, round by round; `amount` is the work done in each time. */
export function speedRow(figure, { seconds }, { amount, unit, note }) {
  const pairs = seconds.map((of) => [Math.min(of[0], of[2]), Math.min(of[1], of[3])])
  const ratios = pairs.map(([ours, peer]) => peer / ours)
  const rate = (side) => amount / median(pairs.map((pair) => pair[side]))
  const shown = inWords((place) => formatNumber(median(seconds.map((of) => of[place])), 2), 's')
  return {
    figure,
    ours: rate(0),
    peer: rate(1),
    unit,
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    note: `${note}; ours / peer: ${shown}`,
  }
}

/** A row whose ratio is of the precision that takes less memory on each side. */
export function memoryRow(figure, peaks, note) {
  const [ours, peer] = [Math.min(peaks[0], peaks[2]), Math.min(peaks[1], peaks[3])]
  const ratio = peer / ours
  const shown = inWords((place) => formatNumber(peaks[place], 2), 'GB')
  return { figure, ours, peer, unit: 'GB peak', ratio, low: ratio, high: ratio, note: `${note}; ours / peer: ${shown}` }
}
