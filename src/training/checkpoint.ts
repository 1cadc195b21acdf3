// Training checkpoints: weights, optimizer state, step and metrics, so that a resumed run ends with the same weights.
// A checkpoint appears under its final name only when complete, and is used only if its bytes are those that were
// written. Random numbers and the data order need no state (see random.ts).
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { fileDigest } from '../digest'
import { loadTensors, saveTensors } from '../model/weights'
import type { Tensor } from '../model/tf'
import { trainedWeights } from '../model/model'
import type { Trained } from './optimizer'
import { putFolder, removeFolder } from './whole-folder'
import { readingFault } from '../file-faults'

/** One row of a training curve: the step and any numbers. */
export type Metrics = Record<string, number>

interface Progress {
  /** Number of steps done. */
  step: number
  history: Metrics[]
}

/** Checkpoints that are kept. */
const KEPT = 2
const PROGRESS = 'progress.json'
const progressSchema = z.object({
  step: z.number().int(),
  history: z.array(z.record(z.string(), z.number())),
  optimizerSteps: z.record(z.string(), z.number()),
  digests: z.record(z.string(), z.string()),
})

/** Writes a checkpoint, and keeps the one before it. @param trained by name */
async function saveCheckpoint(
  { checkpoints: folder, onPart }: TrainingHost,
  trained: Record<string, Trained>,
  progress: Progress,
): Promise<void> {
  const target = join(folder, `step-${String(progress.step).padStart(8, '0')}`)
  const staging = `${target}.partial-${process.pid}`
  mkdirSync(staging, { recursive: true })
  try {
    for (const [i, [name, { model, optimizer }]] of Object.entries(trained).entries()) {
      onPart?.('writing the checkpoint', i, Object.keys(trained).length)
      saveTensors(join(staging, `${name}.safetensors`), trainedWeights(model))
      saveTensors(join(staging, `${name}.optimizer.safetensors`), optimizer.state)
    }
    const optimizerSteps = Object.fromEntries(
      Object.entries(trained).map(([name, { optimizer }]) => [name, optimizer.steps]),
    )
    const digests: Record<string, string> = {}
    for (const [i, name] of readdirSync(staging).entries()) {
      onPart?.('reading the checkpoint back', i, 2 * Object.keys(trained).length)
      digests[name] = await fileDigest(join(staging, name))
    }
    writeFileSync(join(staging, PROGRESS), JSON.stringify({ ...progress, optimizerSteps, digests }))
    putFolder(staging, target)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
  const names = listCheckpoints(folder)
  // later ones could not be read: their steps are done again
  const kept = names.filter((name) => name <= basename(target)).slice(-KEPT)
  for (const name of names) if (!kept.includes(name)) removeFolder(join(folder, name))
}

function listCheckpoints(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^step-\d+$/.test(name))
        .sort()
    : []
}

/**
 * Loads the newest readable checkpoint into `trained` and returns its progress; step 0 when there is none.
 * A damaged checkpoint is skipped, with a message on stderr, in favour of the one before it.
 */
async function restoreCheckpoint(folder: string, trained: Record<string, Trained>): Promise<Progress> {
  for (const name of listCheckpoints(folder).reverse()) {
    try {
      return await restore(join(folder, name), trained)
    } catch (error) {
      const reason = readingFault(error)
      process.stderr.write(
        `training: checkpoint ${join(folder, name)} cannot be read (${reason}); trying the one before\n`,
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

/** What the training loops of this folder need from their caller: a folder for checkpoints, and callbacks. */
export interface TrainingHost {
  /** Folder of the checkpoints; the same for every attempt of the same work. */
  checkpoints: string
  /** Steps between two checkpoints. */
  checkpointEvery: number
  onStep(step: number, total: number, metrics: Metrics): void
  /** Called within a step, which may take long. */
  onPart?: OnPart
  /** Whether to save and end now; called after each step. */
  interrupted?(): boolean
}

/** Called with what is being done within a step and how much of it is done: a step that takes long is not a hung one. */
export type OnPart = (doing: string, done: number, total: number) => void

/** Tells of one kind of part how much of it is done. */
export const partOf =
  ({ onPart }: { onPart?: OnPart | undefined }, doing: string) =>
  (done: number, total: number): void =>
    onPart?.(doing, done, total)

/** Training was asked to end early; the next attempt resumes from the checkpoint it left. */
class Interrupted extends Error {
  override name = 'Interrupted'
}

/** Training failed in a way that would repeat with the same settings. */
export class Diverged extends Error {
  override name = 'Diverged'
}

/** One step of a training loop, and what may end the loop early; all are called once a step. */
interface TrainingLoop {
  /** Does step number `index` (from 0) and returns its metrics. */
  step: (index: number) => Promise<Metrics>
  /** Called after a sound step with the number of steps done; what it returns joins the step's metrics. */
  afterStep?: ((done: number) => Promise<Metrics>) | undefined
  /** Why the model can no longer be trusted, if it cannot: training goes back to the last checkpoint and ends there. */
  collapsed?: ((metrics: Metrics) => string | undefined) | undefined
  /** Whether more steps would bring nothing. */
  finished?: ((history: readonly Metrics[]) => boolean) | undefined
  /**
   * What follows a metric that is not finite. Default: training fails, as a model that was to learn for 900 steps is not
   * the model of step 5.
   */
  onDivergence?: 'fail' | 'return to checkpoint'
}

export interface TrainingResult {
  /** The metrics of each step. */
  history: Metrics[]
  /** Set if training went back to a checkpoint: the reason, the step it was seen at, and the step the model is from. */
  stopped?: string
}

/**
 * Runs a training loop from its last checkpoint to step `total`, saving and reporting on the way.
 * @param trained what is trained, by name
 * @throws Diverged when a metric is not finite, or the model collapsed, and there is no checkpoint to go back to or the
 * loop does not go back
 */
export async function trainSteps(
  total: number,
  trained: Record<string, Trained>,
  host: TrainingHost,
  loop: TrainingLoop,
): Promise<TrainingResult> {
  const progress = await restoreCheckpoint(host.checkpoints, trained)
  const resumedAt = progress.step
  while (progress.step < total && !loop.finished?.(progress.history)) {
    const { metrics, diverged, collapsed } = await measuredStep(progress.step, resumedAt, loop)
    if (diverged !== undefined && loop.onDivergence !== 'return to checkpoint') throw failed(diverged, metrics, total)
    const problem = diverged ?? collapsed
    if (problem !== undefined) return goBack(`training: ${problem} at step ${metrics.step}`, trained, host)
    progress.history.push(metrics)
    progress.step++
    host.onStep(progress.step, total, metrics)
    await new Promise(setImmediate) // lets messages of the parent process in
    if (progress.step === total) break
    const interrupted = host.interrupted?.() ?? false
    if (interrupted || progress.step % host.checkpointEvery === 0) await saveCheckpoint(host, trained, progress)
    if (interrupted) throw new Interrupted(`training: asked to end after step ${progress.step}`)
  }
  return { history: progress.history }
}

interface StepOutcome {
  metrics: Metrics
  /** Which metric is not finite, if one is. */
  diverged: string | undefined
  collapsed: string | undefined
}

/** Does a step and, if it was sound, what follows it: the model of a broken one is not validated. */
async function measuredStep(index: number, resumedAt: number, loop: TrainingLoop): Promise<StepOutcome> {
  const started = performance.now()
  const ofStep = await loop.step(index)
  const broken = notFinite(ofStep)
  const collapsed = broken === undefined ? loop.collapsed?.(ofStep) : undefined
  const afterwards = (broken ?? collapsed) === undefined ? await loop.afterStep?.(index + 1) : undefined
  const seconds = (performance.now() - started) / 1000
  const metrics: Metrics = {
    step: index + 1,
    ...ofStep,
    ...afterwards,
    seconds,
    ...(ofStep.tokens !== undefined && { tokensPerSecond: ofStep.tokens / seconds }),
    resumedAt,
  }
  return { metrics, diverged: broken ?? notFinite(afterwards ?? {}), collapsed }
}

function notFinite(metrics: Metrics): string | undefined {
  const broken = Object.entries(metrics).find(([, value]) => !Number.isFinite(value))
  return broken && `${broken[0]} became ${broken[1]}`
}

const REMEDY =
  'lower the learning rate (learningRate), clip the gradients (maxGradientNorm) or warm up longer (warmupSteps)'

const failed = (problem: string, { step }: Metrics, total: number) =>
  new Diverged(
    `training: ${problem} at step ${step}; ${REMEDY}. Nothing of this training, which failed at step ${step} of ${total}, ` +
      'is used',
  )

/** Restores the last checkpoint and ends training there. @throws Diverged when there is none */
async function goBack(problem: string, trained: Record<string, Trained>, host: TrainingHost): Promise<TrainingResult> {
  const { step, history } = await restoreCheckpoint(host.checkpoints, trained)
  if (step === 0) throw new Diverged(`${problem}; ${REMEDY}. There is no checkpoint to go back to yet`)
  return { history, stopped: `${problem}; the model is that of step ${step}` }
}
