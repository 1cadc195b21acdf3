// Two processes that do the same work on request: one line of JSON in, one line of JSON out.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

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

/** Does `work` on both sides in turn, once to warm up and then `rounds` times. */
export async function inTurn(ours, peer, work, rounds) {
  await ours.ask(work)
  await peer.ask(work)
  const pairs = []
  for (let round = 0; round < rounds; round++) pairs.push([await ours.ask(work), await peer.ask(work)])
  return pairs
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** A row of the table, computed from the times; `amount` is the work done in each time. */
export function speedRow(figure, pairs, amount, unit, note) {
  const ratios = pairs.map(([ours, peer]) => peer.seconds / ours.seconds)
  const rate = (side) => amount / median(pairs.map((pair) => pair[side].seconds))
  return {
    figure,
    ours: rate(0),
    peer: rate(1),
    unit,
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    note,
  }
}
