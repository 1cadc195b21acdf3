// What a stage is: a function from a parsed input to files in `output` and a few figures. Names and code versions:
// registry.ts.
import type { AnswerFiles } from '../artifacts/answers'
import type { Manifest, Sources } from '../artifacts/store'
import type { Artifact, Summary } from '../contracts/artifact'
import type { StageInput, StageName } from '../contracts/stages'
import type { Progress } from '../contracts/status'
import type { OpenArtifact } from '../model/adapter-base'
import type { Metrics, OnPart } from '../training/checkpoint'

/** What a stage may touch. */
export interface StageHost {
  /** The folder of an input artifact, verified. */
  open: OpenArtifact
  /** How an input artifact was made. */
  manifest(artifact: Pick<Artifact, 'uri' | 'sha256'>): Promise<Manifest>
  /** What the stage reads from outside the store, as it was when finished work was looked for (sources.ts). */
  sources: Sources
  /** An empty folder for the artifact's files. */
  output: string
  /** A folder that survives failed attempts of the same work. */
  checkpoints: string
  /** Key of the work: the same for all its attempts. */
  key: string
  /** ID of the run that computes it; later runs with the same input take what it has made. */
  run: string
  /** A labeler's answers of all runs. @param identity what its answers depend on besides the question */
  answers(identity: object): AnswerFiles | Promise<AnswerFiles>
  report(progress: Progress): void
  /** Reports what is being done of the unit in progress: also that the stage is alive, in steps that take long. */
  note(within: string): void
  /** Says what a person should know as long as the stage runs; each text once. */
  warn(text: string): void
  /**
   * After this call a request to stop is left to the stage, which calls the returned function between its steps, saves
   * and throws. Before it, the process just exits, and what was not saved is computed again.
   */
  handleInterruption(): () => boolean
  /** Whether the work is not wanted any more; otherwise a request to stop is of a worker that ends. */
  isCancelled(): boolean
}

export interface Stage<N extends StageName> {
  run(input: StageInput<N>, host: StageHost): Promise<Summary>
}

/** By which run and when a report is made. */
export const originOf = ({ run }: StageHost) => ({ run, at: new Date().toISOString() })

/** What a training loop needs of a stage's host; its steps are reported as progress. */
export function trainingHost(host: StageHost, phase: string, checkpointEvery: number) {
  return {
    checkpoints: host.checkpoints,
    checkpointEvery,
    onStep: (done: number, total: number, metrics: Metrics) =>
      host.report({ phase, done, total, unit: 'steps', metrics }),
    onPart: partNotes(host),
    interrupted: host.handleInterruption(),
  }
}

export const partNotes =
  (host: StageHost): OnPart =>
  (doing, done, total) =>
    host.note(`${doing}, ${done} of ${total}`)

/** Says how far the responses are that are sampled together: a batch of long ones takes minutes. */
export const samplingNotes = (host: StageHost, maxTokens: number) => (tokens: number) =>
  host.note(`sampling tokens, ${tokens} of ${maxTokens}`)

/** Each call reports one more item done. */
export function progressCounter(host: StageHost, phase: string, total: number, unit: string): () => void {
  let done = 0
  return () => host.report({ phase, done: ++done, total, unit })
}

/** Each call reports how many items are done. */
export const progressReporter = (host: StageHost, phase: string, total: number, unit: string) => (done: number) =>
  host.report({ phase, done, total, unit })

/** The mean of a training metric over the last fifth of the steps. */
export function lastMean(history: readonly Metrics[], name: string): number {
  const tail = history.slice(-Math.max(1, Math.ceil(history.length / 5)))
  return tail.reduce((sum, metrics) => sum + (metrics[name] ?? NaN), 0) / tail.length
}
