// log π_SFT of the responses that DPO learns from: computed once, and kept in parts, so that an attempt that was killed
// costs one part at most.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Model } from '../model/model'
import type { OnPart } from './checkpoint'
import { bothOf, responseLogProbs, type ReferencedPair } from './dpo'
import type { TrainingPair } from './reward-model'

/** Pairs of a part. */
const PART = 256

const partSchema = z.array(z.number())

interface Kept {
  /** Survives failed attempts of the same work: the pairs and the model are the same in each. */
  folder: string
  /** Pairs of one forward pass; bounds memory. */
  microBatchSize: number
  onPart?: OnPart | undefined
}

/**
 * The pairs with log π_SFT of their responses.
 * @param name of the pairs among those of the same work
 * @param model the SFT model, in the precision of training
 */
export async function withReference(
  name: string,
  model: Model,
  pairs: readonly TrainingPair[],
  { folder, microBatchSize, onPart }: Kept,
): Promise<ReferencedPair[]> {
  mkdirSync(folder, { recursive: true })
  const out: ReferencedPair[] = []
  for (let start = 0; start < pairs.length; start += PART) {
    const part = pairs.slice(start, start + PART)
    const onDone = (done: number) => onPart?.('reading pairs with the SFT model', start + done / 2, pairs.length)
    const compute = () => responseLogProbs(model, bothOf(part), 2 * microBatchSize, onDone)
    const logProbs = await kept(join(folder, `${name}-${String(start).padStart(8, '0')}.json`), compute)
    part.forEach(({ first, second, preferFirst }, i) =>
      out.push({ first, second, preferFirst, reference: [logProbs[2 * i]!, logProbs[2 * i + 1]!] }),
    )
  }
  return out
}

async function kept(file: string, compute: () => Promise<number[]>): Promise<number[]> {
  const found = existsSync(file) ? readPart(file) : undefined
  if (found) return found
  const values = await compute()
  writeFileSync(`${file}.partial`, JSON.stringify(values))
  renameSync(`${file}.partial`, file)
  return values
}

/** Undefined where the file is damaged: its part is computed again. */
function readPart(file: string): number[] | undefined {
  try {
    return partSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}
