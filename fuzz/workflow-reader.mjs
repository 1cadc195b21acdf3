// Reads hostile inputs of workflows by their numbers, up to where a workflow would schedule something: the payload's
// check, its JSON, the schema, and what each workflow derives from its input before it begins.
import { defaultPayloadConverter } from '@temporalio/common'
import { armsOf } from '../dist/contracts/compare-input.js'
import { badAnswer, ratingMessageSchema } from '../dist/contracts/human-evaluation.js'
import { variantLabeler } from '../dist/contracts/label-study-input.js'
import { runsOf } from '../dist/contracts/miniature.js'
import { parse } from '../dist/contracts/parse.js'
import { checkResolution } from '../dist/contracts/resolution.js'
import { stageSchemas } from '../dist/contracts/stages.js'
import { trialParkedSchema } from '../dist/contracts/sweep.js'
import { trialsOf } from '../dist/contracts/sweep-trials.js'
import { workflowSchemas } from '../dist/contracts/workflow-inputs.js'
import { checkingCodec } from '../dist/workers/payload-check.js'
import { plantCanaries } from './canaries.mjs'
import { workflowInput } from './workflow-inputs.mjs'

const seed = Number(process.argv[2])
const { target, faultOf } = plantCanaries()
process.on('disconnect', () => process.exit(0))

/** Longer messages fill histories, which are limited. */
const MOST_CHARACTERS = 20_000
const artifact = { uri: `file:///store/sft/${'0'.repeat(64)}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
const parked = {
  stage: 'evaluate',
  canSkip: true,
  input: parse(
    stageSchemas.evaluate,
    {
      baseline: artifact,
      policy: artifact,
      data: artifact,
      judge: { settings: { model: 'default' }, model: artifact },
    },
    'evaluate',
  ),
}

/** What a workflow does with its input before it schedules anything. */
const REACTIONS = {
  compare: (settings) => armsOf(settings),
  sweep: (settings) => trialsOf(settings, '2026-01-01T02:30Z'),
  miniature: (settings) => runsOf(settings, artifact.uri),
  labelStudy: ({ labeler, variants }) => variants.map((variant) => variantLabeler(labeler, variant)),
}
const MESSAGES = {
  resolveFailure: (given) => checkResolution(given, parked),
  rate: (given) => badAnswer('rank', parse(ratingMessageSchema, given, 'rate').answer, 3),
  trialParked: (given) => trialParkedSchema.safeParse(given),
  raterView: (given) => ['rater-1'].indexOf(given),
}

async function reactTo(kind, bytes) {
  const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: bytes }
  const [checked] = await checkingCodec.decode([payload], { type: 'workflow', namespace: 'x', workflowId: 'x' })
  const given = defaultPayloadConverter.fromPayload(checked)
  if (MESSAGES[kind]) return MESSAGES[kind](given)
  const settings = parse(workflowSchemas[kind], given, kind)
  return REACTIONS[kind]?.(settings) ?? settings
}

function findingOf({ name, message }) {
  if (name !== 'InvalidInput') return `${name}: ${message.slice(0, 300)}`
  if (message.length > MOST_CHARACTERS) return `a message of ${message.length} characters`
  return faultOf(message)
}

async function read(index) {
  const { kind, bytes } = workflowInput(seed, index, target)
  const started = performance.now()
  const refusal = await reactTo(kind, bytes).then(
    () => undefined,
    (error) => error,
  )
  const ms = performance.now() - started
  const finding = {}.polluted === undefined ? refusal && findingOf(refusal) : 'changes the prototype of all objects'
  return { ms, refused: refusal !== undefined, ...(finding && { finding }) }
}

process.on('message', async (index) => process.send(await read(index)))
process.send({})
