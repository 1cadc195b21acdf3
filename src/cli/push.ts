// `rlaif push`: a policy, an adapter, a reward model or labels as a repository of the Hugging Face Hub, with a card.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '../artifacts/open-store'
import { lineageOf, type Made } from '../artifacts/lineage'
import type { ArtifactStore } from '../artifacts/store'
import { isArtifactUri } from '../contracts/artifact'
import type { PushOutput } from '../contracts/command-output'
import { isRecord } from '../contracts/overlay'
import { InvalidInput } from '../contracts/parse'
import { digestOf } from '../digest'
import { existingRepository, licenceOf, stateOf, uploadFiles, type HubRepository } from '../hub/upload'
import { baseOf, placeOf, type Reference } from '../model/adapter-base'
import { counted, formatBytes } from '../number-format'
import { hubCard, type CardFacts, type CardStage, type HubPart } from '../report/hub-card'
import { version } from '../version'
import { openHome } from '../workers/home'
import { withConnection, type Connected } from '../runs/connection'
import { existingRun } from '../runs/existing-run'
import { labelsAmong, type LabelSource } from './export-labels'
import { policyOfRun, type Dtype } from './model'
import { filesIn, putLabels, putModel, shiftIn } from './push-files'
import { viewOf } from '../runs/run-view'

export interface PushFlags {
  what?: HubPart
  private?: boolean
  base?: string
  licence?: string
  dtype?: Dtype
  yes?: boolean
}

/** What is pushed, and what is known of how it was made. */
interface Chosen {
  part: HubPart
  uri: string
  /** Artifacts of the run, or this one. */
  artifacts: Reference[]
  /** Sentences on what the run found. */
  results: readonly string[]
  labels?: LabelSource
}

/**
 * Lists what would be uploaded and, with `yes`, uploads it as one commit.
 * @param given ID of a run, or URI of an artifact
 * @param target hf:owner/name or hf:datasets/owner/name
 * @throws InvalidInput when there is no such thing to push, or it does not go there
 */
export async function push(given: string, target: string, flags: PushFlags): Promise<PushOutput> {
  const repository = parseTarget(target, flags.what)
  const store = await openStore(openHome())
  const what = flags.what ?? (repository.type === 'dataset' ? 'labels' : undefined)
  const chosen = isArtifactUri(given)
    ? await ofArtifact(store, given, what)
    : await withConnection((connected) => ofRun(connected, given, what ?? 'policy'))
  refuseOtherKind(chosen.part, repository)
  const folder = join(openHome(), 'push', digestOf(`${repository.type} ${repository.name}`).slice(0, 16))
  rmSync(folder, { recursive: true, force: true }) // of a push that was killed
  try {
    return await pushChosen(chosen, { repository, store, folder, flags })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const TARGET = /^hf:(datasets\/)?([\w-][\w.-]*\/[\w-][\w.-]*)$/

function parseTarget(target: string, what: HubPart | undefined): HubRepository {
  const [, ofDatasets, name] = TARGET.exec(target) ?? []
  if (name === undefined || name.includes('..'))
    throw new InvalidInput(`push: "${target}" is not of the form hf:owner/name or hf:datasets/owner/name`)
  return { type: ofDatasets !== undefined || what === 'labels' ? 'dataset' : 'model', name }
}

function refuseOtherKind(part: HubPart, { type, name }: HubRepository): void {
  if ((part === 'labels') === (type === 'dataset')) return
  throw new InvalidInput(
    part === 'labels'
      ? `push: labels go to a dataset repository; name hf:datasets/${name}`
      : `push: a ${part.replace('-', ' ')} goes to a model repository; name hf:${name}`,
  )
}

// ---- What is pushed

const stageOf = (uri: string) => placeOf(uri).split('/')[0]!
const PART_OF_STAGE: Record<string, HubPart> = {
  label: 'labels',
  'human-labels': 'labels',
  'reward-model': 'reward-model',
}
const POLICIES = new Set(['model', 'sft', 'rl', 'choose', 'dpo', 'online-dpo'])

async function ofArtifact(store: ArtifactStore, uri: string, what: HubPart | undefined): Promise<Chosen> {
  const artifact = await store.describe(uri)
  const stage = stageOf(uri)
  const kind = PART_OF_STAGE[stage] ?? (POLICIES.has(stage) ? 'policy' : undefined)
  const part = what ?? kind
  if (kind === undefined || part === undefined || (part !== kind && !(part === 'adapter' && kind === 'policy')))
    throw new InvalidInput(
      `push: ${uri} is an artifact of stage ${stage}` +
        (kind === undefined ? '; name a policy, a reward model or labels' : `; it is pushed as --what ${kind}`),
    )
  const data = (await lineageOf(store, [artifact])).find(({ manifest }) => manifest.stage === 'data')
  return { part, uri, artifacts: [artifact], results: [], labels: { labels: uri, data: data?.uri } }
}

async function ofRun(connected: Connected, id: string, part: HubPart): Promise<Chosen> {
  const { output } = await viewOf(connected, await existingRun(connected, id))
  const artifacts = output.stages.flatMap(({ artifact }) => artifact ?? [])
  const results = output.answer?.sentences ?? []
  if (part === 'labels') {
    const labels = labelsAmong(id, output)
    return { part, uri: labels.labels, artifacts, results: [], labels }
  }
  if (part !== 'reward-model') {
    const uri = await policyOfRun(connected, id)
    return { part, uri, artifacts: artifacts.length > 0 ? artifacts : [{ uri, sha256: '' }], results }
  }
  const found = artifacts.find(({ uri }) => stageOf(uri) === 'reward-model')
  if (!found) throw new InvalidInput(`push: the run "${id}" has no reward model (yet)`)
  return { part, uri: found.uri, artifacts, results: [] }
}

// ---- Its files and its card

interface Pushing {
  repository: HubRepository
  store: ArtifactStore
  folder: string
  flags: PushFlags
}

async function pushChosen(chosen: Chosen, pushing: Pushing): Promise<PushOutput> {
  const { repository, store, folder, flags } = pushing
  const existing = await existingRepository(repository)
  if (flags.private && existing && !existing.isPrivate)
    throw new InvalidInput(
      `push: ${repository.name} exists and is public; make it private at the Hub first, name another one, or leave out --private`,
    )
  const artifact = await store.describe(chosen.uri)
  const lineage = await lineageOf(store, [...chosen.artifacts, artifact])
  const base = flags.base ?? (await baseAtHub(chosen, artifact, lineage, store))
  const licence = flags.licence ?? (chosen.part === 'labels' ? undefined : await licenceOfBase(base))
  mkdirSync(join(folder, '..'), { recursive: true })
  const about = await putFiles(chosen, artifact, { ...pushing, base })
  const card = hubCard({ ...factsOf(chosen, repository, lineage), ...about, base, licence })
  writeFileSync(join(folder, 'README.md'), card)
  const local = filesIn(folder)
  const files = await Promise.all(local.map(async (file) => ({ ...file, state: await stateOf(file, existing) })))
  const missing = files.filter(({ state }) => state !== 'unchanged')
  const commit =
    flags.yes && missing.length > 0
      ? await uploadFiles({
          repository,
          files: missing,
          title: `${chosen.part} of ${placeOf(chosen.uri)}`,
          isPrivate: flags.private ?? false,
          exists: existing !== undefined,
          onFile: showUpload,
        })
      : undefined
  return {
    repository: repository.name,
    type: repository.type,
    part: chosen.part,
    from: chosen.uri,
    state: flags.yes ? (commit === undefined ? 'unchanged' : 'pushed') : 'listed',
    private: existing?.isPrivate ?? flags.private ?? false,
    ...(commit !== undefined && { commit }),
    ...(base !== undefined && { base }),
    ...(licence !== undefined && { licence }),
    files: files.map(({ path, bytes, state }) => ({ path, bytes, state })),
    bytes: missing.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

const licenceOfBase = async (base: string | undefined): Promise<string | undefined> =>
  base === undefined ? undefined : base === DEFAULT_AT_HUB ? LICENCE_OF_DEFAULT : licenceOf(base)

async function putFiles(
  { part, labels }: Chosen,
  artifact: Reference,
  { folder, store, flags, base }: Pushing & { base: string | undefined },
): Promise<Pick<CardFacts, 'shift' | 'labels'>> {
  if (part === 'labels') {
    mkdirSync(folder)
    return { labels: await putLabels(folder, labels!) }
  }
  await putModel(folder, { part, artifact, store, dtype: flags.dtype, base })
  return part === 'reward-model' ? { shift: shiftIn(folder) } : {}
}

/** What the Hub calls the model of set-up, and its licence. */
const DEFAULT_AT_HUB = 'HuggingFaceTB/SmolLM2-135M-Instruct'
const LICENCE_OF_DEFAULT = 'apache-2.0'

/** owner/name of the model that training started from, if it came from the Hub: for an adapter, if it is its own base. */
async function baseAtHub(
  { part }: Chosen,
  artifact: Reference,
  lineage: readonly Made[],
  store: ArtifactStore,
): Promise<string | undefined> {
  const ofAdapter = baseOf((await store.open(artifact, 'text')).folder, artifact)
  const start = lineage.find(({ uri, manifest }) =>
    part === 'adapter' && ofAdapter ? placeOf(uri) === placeOf(ofAdapter.uri) : manifest.stage === 'model',
  )
  const spec = start?.manifest.stage === 'model' ? start.manifest.summary.model : undefined
  if (spec === 'default') return DEFAULT_AT_HUB
  return /^hf:([\w.-]+\/[\w.-]+)/.exec(String(spec))?.[1]
}

const STAGES_WITH_SETTINGS = new Set(['sft', 'reward-model', 'rl', 'dpo', 'online-dpo'])

function factsOf(chosen: Chosen, repository: HubRepository, lineage: readonly Made[]): CardFacts {
  const all = lineage.map(cardStage)
  const made = all.find(({ place }) => place === placeOf(chosen.uri))!
  const stages = [...new Map(all.map((one) => [`${one.stage} ${one.sha256}`, one])).values()] // equal content once
  return { part: chosen.part, repository: repository.name, stages, made, results: chosen.results, version }
}

function cardStage({ uri, manifest }: Made): CardStage {
  const { stage, version: ofStage, sha256, summary, sources, input } = manifest
  const settings = STAGES_WITH_SETTINGS.has(stage) && isRecord(input) ? input.settings : undefined
  return {
    ...{ stage, place: placeOf(uri), version: ofStage, sha256, summary },
    ...(settings !== undefined && { settings }),
    ...(sources && { sources }),
  }
}

// ---- What is shown

const shown = new Set<string>()
function showUpload(path: string, share: number): void {
  if (share < 1 || shown.has(path)) return
  shown.add(path)
  process.stderr.write(`sent ${path}\n`)
}

const STATES = { new: '+', changed: '~', unchanged: '=' }

export function pushLines(output: PushOutput): string[] {
  const { repository, type, files, bytes, state, commit, licence } = output
  const isNew = files.every((file) => file.state === 'new')
  const missing = files.filter((file) => file.state !== 'unchanged').length
  return [
    `${repository}: ${isNew ? `a ${output.private ? 'private' : 'public'}` : 'the'} ${type} repository`,
    ...files.map(({ path, bytes: size, state: of }) => `  ${STATES[of]} ${path}  ${formatBytes(size)}`),
    licence === undefined ? 'No licence is stated; --licence names one' : `Licence: ${licence}`,
    ...(state === 'pushed' ? [`Pushed ${counted(missing, 'file')}: ${commit}`] : []),
    ...(state === 'unchanged' ? ['The repository has all of it already'] : []),
    ...(state === 'listed'
      ? [`${counted(missing, 'file')} of ${formatBytes(bytes)} to upload; --yes uploads them`]
      : []),
  ]
}
