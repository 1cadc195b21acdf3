// What a stage is: a function from a parsed input to files in `output` and a few figures. Names and code versions: registry.ts.
import type { AnswerFiles } from '../artifacts/answers'
import type { Manifest } from '../artifacts/store'
import type { Artifact, Summary } from '../contracts/artifact'
import type { StageInput, StageName } from '../contracts/stages'
import type { Progress } from '../contracts/status'
import type { Metrics } from '../training/checkpoint'

/** What a stage may touch. */
export interface StageHost {
  /** The folder of an input artifact, verified. */
  open(artifact: Pick<Artifact, 'uri' | 'sha256'>): Promise<string>
  /** What made an input artifact. */
  manifest(artifact: Pick<Artifact, 'uri' | 'sha256'>): Promise<Manifest>
  /** Empty folder for the artifact's files. */
  output: string
  /** Survives failed attempts of the same work. */
  checkpoints: string
  /** Labelers' answers of all runs, opened at the first call. */
  answers(): AnswerFiles
  report(progress: Progress): void
  /**
   * From now on a request to end is left to the stage, which asks the returned function between its steps, saves and throws;
   * before, the process just ends, and what it had not kept is done again.
   */
  heedInterruption(): () => boolean
}

export interface Stage<N extends StageName> {
  run(input: StageInput<N>, host: StageHost): Promise<Summary>
}

/** Passes a training loop's steps on as progress. */
export function trainingHost(host: StageHost, phase: string, checkpointEvery: number) {
  return {
    checkpoints: host.checkpoints,
    checkpointEvery,
    onStep: (done: number, total: number, metrics: Metrics) =>
      host.report({ phase, done, total, unit: 'steps', metrics }),
    interrupted: host.heedInterruption(),
  }
}

/** Reports one more item done each time it is called, whatever it is called with. */
export function counted(host: StageHost, phase: string, total: number, unit: string): () => void {
  let done = 0
  return () => host.report({ phase, done: ++done, total, unit })
}

/** Reports how many items are done. */
export const measured = (host: StageHost, phase: string, total: number, unit: string) => (done: number) =>
  host.report({ phase, done, total, unit })

/** A figure of the last steps of a curve: its mean over the last fifth. */
export function lastMean(history: readonly Metrics[], name: string): number {
  const tail = history.slice(-Math.max(1, Math.ceil(history.length / 5)))
  return tail.reduce((sum, metrics) => sum + (metrics[name] ?? NaN), 0) / tail.length
}
