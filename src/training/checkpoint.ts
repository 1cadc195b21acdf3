// Training checkpoints: weights, optimizer state, step and metrics, so that a resumed run ends with the same weights.
// A checkpoint appears under its final name only when whole, and is used only when its bytes are those that were written; random numbers
// and the data order need no state (see random.ts).
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { fileDigest } from '../digest'
import { loadTensors, saveTensors } from '../model/weights'
import type { Tensor } from '../model/tf'
import { trainedWeights, type Model } from '../model/model'
import type { Optimizer } from './optimizer'

/** One row of a training curve: the step and any numbers. */
export type Metrics = Record<string, number>

/** What is trained, by name. */
export interface Trained {
  model: Model
  optimizer: Optimizer
}
export interface Progress {
  /** Steps that are done. */
  step: number
  history: Metrics[]
}

const KEPT = 2
const PROGRESS = 'progress.json'
const progressSchema = z.object({
  step: z.number().int(),
  history: z.array(z.record(z.string(), z.number())),
  optimizerSteps: z.record(z.string(), z.number()),
  digests: z.record(z.string(), z.string()),
})

export async function saveCheckpoint(
  folder: string,
  trained: Record<string, Trained>,
  progress: Progress,
): Promise<void> {
  const target = join(folder, `step-${String(progress.step).padStart(8, '0')}`)
  const staging = `${target}.partial-${process.pid}`
  mkdirSync(staging, { recursive: true })
  try {
    for (const [name, { model, optimizer }] of Object.entries(trained)) {
      saveTensors(join(staging, `${name}.safetensors`), trainedWeights(model))
      saveTensors(join(staging, `${name}.optimizer.safetensors`), optimizer.state)
    }
    const optimizerSteps = Object.fromEntries(
      Object.entries(trained).map(([name, { optimizer }]) => [name, optimizer.steps]),
    )
    const digests: Record<string, string> = {}
    for (const name of readdirSync(staging)) digests[name] = await fileDigest(join(staging, name))
    writeFileSync(join(staging, PROGRESS), JSON.stringify({ ...progress, optimizerSteps, digests }))
    if (!existsSync(target)) renameSync(staging, target)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
  for (const old of listCheckpoints(folder).slice(0, -KEPT)) rmSync(join(folder, old), { recursive: true, force: true })
}

function listCheckpoints(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^step-\d+$/.test(name))
        .sort()
    : []
}

/**
 * Puts the newest readable checkpoint into `trained` and returns how far it had come; step 0 when there is none.
 * A damaged checkpoint is passed over for the one before it.
 */
export async function restoreCheckpoint(folder: string, trained: Record<string, Trained>): Promise<Progress> {
  for (const name of listCheckpoints(folder).reverse()) {
    try {
      return await restore(join(folder, name), trained)
    } catch (error) {
      process.stderr.write(
        `training: checkpoint ${join(folder, name)} cannot be read (${(error as Error).message}); trying the one before\n`,
      )
    }
  }
  return { step: 0, history: [] }
}

async function restore(folder: string, trained: Record<string, Trained>): Promise<Progress> {
  const { optimizerSteps, digests, ...progress } = progressSchema.parse(
    JSON.parse(readFileSync(join(folder, PROGRESS), 'utf8')),
  )
  for (const [name, digest] of Object.entries(digests))
    if ((await fileDigest(join(folder, name))) !== digest) throw new Error(`${name} is not what was written`)
  const loaded = Object.entries(trained).map(([name, into]) => ({
    name,
    into,
    weights: loadTensors(join(folder, `${name}.safetensors`)),
    state: loadTensors(join(folder, `${name}.optimizer.safetensors`)),
  }))
  for (const { name, into, weights, state } of loaded) {
    replace(into.model.weights, weights)
    replace(into.optimizer.state, state)
    into.optimizer.steps = optimizerSteps[name]!
  }
  return progress
}

function replace(old: Map<string, Tensor>, fresh: Map<string, Tensor>): void {
  for (const [name, tensor] of fresh) {
    old.get(name)?.dispose()
    old.set(name, tensor)
  }
}

/** How a training loop reports and survives: called by the loops of this folder. */
export interface TrainingHost {
  /** Where checkpoints live; the same for every attempt of the same work. */
  checkpoints: string
  /** Save after this many steps. */
  checkpointEvery: number
  onStep(step: number, total: number, metrics: Metrics): void
  /** Whether to save and end now; asked after each step. */
  interrupted?(): boolean
}

/** Training was asked to end before its time; the checkpoint it left is where it goes on. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/** Training went wrong in a way that the same settings would repeat. */
export class Diverged extends Error {
  override name = 'Diverged'
}

/** When a run of steps ends before its time. Both are asked after each step. */
export interface Ends {
  /** Why the model is no longer to be trusted: training goes back to the last checkpoint and ends there. */
  collapsed?(metrics: Metrics): string | undefined
  /** Whether more steps would bring nothing. */
  finished?(history: readonly Metrics[]): boolean
}

export interface TrainingResult {
  /** Metrics by step. */
  history: Metrics[]
  /** Set where training ended at an earlier checkpoint: what was seen, where, and which step the model is from. */
  stopped?: string
}

/**
 * Runs `step` from where the last checkpoint left off to `total`, saving and reporting on the way.
 * @param step does step number `index` (from 0) and returns its metrics
 * @throws Diverged when a metric is no number, or the model collapsed, before there is a checkpoint to go back to
 */
export async function trainSteps(
  total: number,
  trained: Record<string, Trained>,
  host: TrainingHost,
  step: (index: number) => Promise<Metrics>,
  ends: Ends = {},
): Promise<TrainingResult> {
  const progress = await restoreCheckpoint(host.checkpoints, trained)
  const resumedAt = progress.step
  while (progress.step < total && !ends.finished?.(progress.history)) {
    const started = performance.now()
    const made = await step(progress.step)
    const seconds = (performance.now() - started) / 1000
    const metrics: Metrics = {
      step: progress.step + 1,
      ...made,
      seconds,
      ...(made.tokens !== undefined && { tokensPerSecond: made.tokens / seconds }),
      resumedAt,
    }
    const wrong = notFinite(metrics) ?? ends.collapsed?.(metrics)
    if (wrong !== undefined) return goBack(`training: ${wrong} at step ${metrics.step}`, trained, host)
    progress.history.push(metrics)
    progress.step++
    host.onStep(progress.step, total, metrics)
    await new Promise(setImmediate) // lets the process hear its parent
    if (progress.step === total) break
    const interrupted = host.interrupted?.() ?? false
    if (interrupted || progress.step % host.checkpointEvery === 0)
      await saveCheckpoint(host.checkpoints, trained, progress)
    if (interrupted) throw new Interrupted(`training: asked to end after step ${progress.step}`)
  }
  return { history: progress.history }
}

function notFinite(metrics: Metrics): string | undefined {
  const broken = Object.entries(metrics).find(([, value]) => !Number.isFinite(value))
  return broken && `${broken[0]} became ${broken[1]}`
}

async function goBack(wrong: string, trained: Record<string, Trained>, host: TrainingHost): Promise<TrainingResult> {
  const { step, history } = await restoreCheckpoint(host.checkpoints, trained)
  if (step === 0) throw new Diverged(`${wrong}; lower the learning rate. There is no checkpoint to go back to yet`)
  return { history, stopped: `${wrong}; the model is that of step ${step}` }
}
