// Why a job has failed, and what to do: from its own words or, when its process was killed, from the end of its log.
import type { Outcome } from './job-folder'
import { shownReply } from './reply'

/** A job has failed; `name` says what is worth another attempt (activities/execute-stage.ts). */
export class JobFailed extends Error {
  constructor(name: string, message: string) {
    super(message)
    this.name = name
  }
}

interface FailedJob {
  stage: string
  /** Of the job. */
  id: string
  /** Where it ran, for messages. */
  place: string
  folder: string
}

interface Meaning {
  pattern: RegExp
  name: string
  /** What happened and the remedy, after "ray: stage x: ". */
  says(match: RegExpExecArray, job: FailedJob): string
}

const NODES = 'install the packages of engines/ray/requirements.lock on every node of the cluster'
const SMALLER =
  'set microBatchSize to a smaller value or recompute to true, which change no result; or use lora, ' +
  'engine.ray.sharding "fsdp" with more workers, or GPUs with more memory'

/** The first that matches holds. */
const MEANINGS: Meaning[] = [
  {
    pattern: /No module named '?(rlaif_ray)\b|can't open file|No such file or directory: '[^']*job\.json'/,
    name: 'InvalidInput',
    says: (_, { place, folder }) =>
      `${place} does not see the folder ${folder}: mount the folder of RLAIF_HOME at the same path on every node`,
  },
  {
    pattern: /No module named '?([\w.]+)'?/,
    name: 'InvalidInput',
    says: ([, module], { place }) => `${place} lacks the Python package ${module}: ${NODES}`,
  },
  {
    pattern: /python: (command )?not found/,
    name: 'InvalidInput',
    says: (_, { place }) => `${place} has no command "python" where jobs run: ${NODES}, and start Ray with its PATH`,
  },
  {
    pattern: /OutOfMemory(Error)?|CUDA out of memory|running low on memory|DefaultCPUAllocator: can't allocate/,
    name: 'OutOfMemory',
    says: () => `the model does not fit into the memory of a worker: ${SMALLER}. It resumes from its last checkpoint`,
  },
  {
    pattern: /not found in the base model/,
    name: 'InvalidInput',
    says: () =>
      'no layer of this model has a name of lora.targets; set it to the names of its linear layers, as config and code ' +
      'of its family in transformers have them (GPT-NeoX: ["query_key_value", "dense"])',
  },
  {
    pattern: /ActorDied|ActorUnavailable|WorkerCrashed|NodeDied|node (was|has been) (dead|terminated)|WorkerGroupError/,
    name: 'NodeLost',
    says: () =>
      'a worker or a node of the cluster was lost too often; see that its nodes stay up (memory, preemption). ' +
      'The next attempt resumes from the last checkpoint',
  },
]

/**
 * @param outcome what the job said at its end, if it did
 * @param log the end of its log
 */
export function jobFailure(job: FailedJob, outcome: Outcome | undefined, log: string): JobFailed {
  const failed = outcome && 'failed' in outcome ? outcome.failed : undefined
  const text = failed ? `${failed.name}: ${failed.message}` : log
  const at = `ray: stage ${job.stage}, job ${job.id}`
  if (failed?.name === 'Diverged' || failed?.name === 'Refused') return new JobFailed('Diverged', failed.message)
  for (const { pattern, name, says } of MEANINGS) {
    const match = pattern.exec(text)
    if (match) return new JobFailed(name, `${at}: ${says(match, job)} (${lastLine(text)})`)
  }
  const said = `${at} failed: ${lastLine(text) || 'it wrote no log'}; its log is in Ray's dashboard`
  return failed?.final
    ? new JobFailed(
        'ProgramFailed',
        `${said}. The same job would fail again: change the model or the settings it names`,
      )
    : new JobFailed('JobFailed', said)
}

/** The last line that says something. */
const lastLine = (text: string): string => shownReply(text.trim().split('\n').at(-1) ?? '')
