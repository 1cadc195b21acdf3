// Single stages as workflows: the same activities, with inputs that a person names.
import type { Artifact } from '../contracts/artifact'
import { algorithmFault, onEngine, watchFault } from '../contracts/engine'
import type { StageWorkflowInput } from '../contracts/stage-workflow-inputs'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { checkNames } from './check-names'
import { withResponses } from './evaluation'
import { finalFailure } from './failure'
import { parseInput } from './input'
import { stageRunner, type StageRunner } from './stage-runner'
import { watched } from './watched'

type DatasetInput = StageWorkflowInput<'sample'>
const dataOf = (
  stages: StageRunner,
  { task, data, limits, seed, cache }: Pick<DatasetInput, 'task' | 'data' | 'limits' | 'seed' | 'cache'>,
  model: Artifact,
) => stages.run('data', { task, data, limits, seed, cache, model })

export async function sft(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.sft, input, 'sft')
  const stages = stageRunner(['model', 'data', 'sft'], settings)
  await checkNames('sft', settings, stages)
  const model = await stages.artifact(settings.model, 'or model')
  const data = await dataOf(stages, settings, model)
  return stages.run('sft', {
    model,
    data,
    limits: settings.limits,
    settings: settings.sft,
    ...onEngine(settings.engine),
    seed: settings.seed,
    cache: settings.cache,
  })
}

export async function sample(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.sample, input, 'sample')
  const stages = stageRunner(['model', 'data', 'sample'], settings)
  await checkNames('sample', settings, stages)
  const policy = await stages.artifact(settings.policy, 'or model')
  const data = await dataOf(stages, settings, policy)
  return stages.run('sample', {
    policy,
    data,
    limits: settings.limits,
    settings: settings.sample,
    ...onEngine(settings.engine),
    seed: settings.seed,
    cache: settings.cache,
  })
}

export async function label(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.label, input, 'label')
  const stages = stageRunner(['model', 'data', 'label'], settings)
  await checkNames('label', settings, stages)
  const samples = await stages.artifact(settings.samples)
  const data = await dataOf(stages, settings, await stages.artifact(settings.model, 'or model'))
  const labeler = await stages.labeler(settings.labeler)
  return stages.run('label', {
    samples,
    data,
    labeler,
    settings: settings.label,
    seed: settings.seed,
    cache: settings.cache,
  })
}

export async function rewardModel(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.rewardModel, input, 'rewardModel')
  const stages = stageRunner(['reward-model'], settings)
  await checkNames('rewardModel', settings, stages)
  const policy = await stages.artifact(settings.policy, 'or model')
  const labels: Artifact[] = []
  for (const given of [settings.labels].flat()) labels.push(await stages.artifact(given))
  return stages.run('reward-model', {
    policy,
    labels,
    settings: settings.rewardModel,
    ...onEngine(settings.engine),
    seed: settings.seed,
    cache: settings.cache,
  })
}

export async function dpo(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.dpo, input, 'dpo')
  const stages = stageRunner(['dpo'], settings)
  await checkNames('dpo', settings, stages)
  const policy = await stages.artifact(settings.policy, 'or model')
  const labels: Artifact[] = []
  for (const given of [settings.labels].flat()) labels.push(await stages.artifact(given))
  return stages.run('dpo', { policy, labels, settings: settings.dpo, seed: settings.seed, cache: settings.cache })
}

export async function onlineDpo(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.onlineDpo, input, 'onlineDpo')
  const stages = stageRunner(['model', 'data', 'online-dpo'], settings)
  await checkNames('onlineDpo', settings, stages)
  const policy = await stages.artifact(settings.policy, 'or model')
  const data = await dataOf(stages, settings, policy)
  const labeler = await stages.labeler(settings.labeler)
  const { limits, seed, cache } = settings
  const training = await watched(stages, settings.onlineDpo, policy)
  return stages.run('online-dpo', { policy, data, labeler, limits, ...training, seed, cache })
}

export async function rl(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.rl, input, 'rl')
  const fault =
    algorithmFault(settings.engine, settings.rl.algorithm) ??
    watchFault(settings.engine, settings.rl.watch, settings.rl.probe)
  if (fault !== undefined) throw finalFailure(fault, 'InvalidInput')
  const stages = stageRunner(['model', 'data', 'rl'], settings)
  await checkNames('rl', settings, stages)
  const policy = await stages.artifact(settings.policy, 'or model')
  const data = await dataOf(stages, settings, policy)
  const reward = settings.rewardModel
    ? { rewardModel: await stages.artifact(settings.rewardModel) }
    : { labeler: await stages.labeler(settings.labeler) }
  return stages.run('rl', {
    policy,
    data,
    ...reward,
    limits: settings.limits,
    ...(await watched(stages, settings.rl, policy)),
    ...onEngine(settings.engine),
    seed: settings.seed,
    cache: settings.cache,
  })
}

export async function evaluate(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.evaluate, input, 'evaluate')
  const stages = stageRunner(['model', 'data', 'evaluate'], settings)
  await checkNames('evaluate', settings, stages)
  const baseline = await stages.artifact(settings.baseline, 'or model')
  const policy = await stages.artifact(settings.policy)
  const data = await dataOf(stages, settings, baseline)
  const judge = await stages.labeler(settings.judge)
  const { limits, evaluate: evaluation, seed, cache, shards } = settings
  const work = { baseline, policy, data, judge, limits, settings: evaluation, seed, cache }
  return stages.run('evaluate', await withResponses(stages, work, { shards, engine: settings.engine }))
}

export async function report(input?: unknown): Promise<Artifact> {
  const settings = parseInput(workflowSchemas.report, input, 'report')
  const stages = stageRunner(['report'], settings)
  const artifacts: Artifact[] = []
  for (const given of settings.artifacts) artifacts.push(await stages.artifact(given))
  return stages.run('report', {
    title: settings.title,
    settings: { title: settings.title },
    artifacts,
    cache: settings.cache,
  })
}
