// The files that `rlaif push` uploads, in a folder of their own: a model, an adapter, or labels as Parquet.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ArtifactStore } from '../artifacts/store'
import { isRecord } from '../contracts/overlay'
import { InvalidInput } from '../contracts/parse'
import { wilson } from '../evaluation/statistics'
import type { ExportedLabel } from '../feedback/label-export'
import { writeLabelParquet } from '../feedback/label-parquet'
import type { LocalFile } from '../hub/upload'
import { linkOrCopy } from '../link-or-copy'
import { policyFolders, type Reference } from '../model/adapter-base'
import { classifierConfig } from '../model/classifier-config'
import { LABELS_PATH, type CardLabels, type HubPart } from '../report/hub-card'
import { exportedLabels, type LabelSource } from './export-labels'
import { writeWhole, type Dtype } from './model'

interface ModelToPush {
  part: Exclude<HubPart, 'labels'>
  artifact: Reference
  store: ArtifactStore
  dtype?: Dtype | undefined
  /** owner/name of the model that an adapter is loaded onto. */
  base: string | undefined
}

const ADAPTER_FILES = ['adapter_config.json', 'adapter_model.safetensors']
const SHIFT_FILE = 'reward-shift.json'

/** Puts the files of a model into a folder. @throws InvalidInput for an adapter that is none, or whose base is not known */
export async function putModel(folder: string, { part, artifact, store, dtype, base }: ModelToPush): Promise<void> {
  const open = async (reference: Reference) => (await store.open(reference)).folder
  const own = await open(artifact)
  const { folder: whole, adapters } = await policyFolders(artifact, open)
  if (part === 'adapter') await putAdapter(folder, { own, whole, adapters, base })
  else if (adapters.length === 0 && dtype === undefined) await putWhole(folder, own)
  else
    await writeWhole(artifact, folder, { store, dtype, ...(part === 'reward-model' && { configOf: classifierConfig }) })
  if (part === 'reward-model') copyFileSync(join(own, SHIFT_FILE), join(folder, SHIFT_FILE))
}

/** A model that is whole goes as it is, of whatever family. */
async function putWhole(folder: string, model: string): Promise<void> {
  const { modelFiles } = await import('../model/folder.js')
  for (const name of modelFiles(model)) put(join(model, name), join(folder, name))
}

function put(file: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  linkOrCopy(file, to)
}

interface AdapterToPush {
  own: string
  whole: string
  adapters: readonly string[]
  base: string | undefined
}

async function putAdapter(folder: string, { own, whole, adapters, base }: AdapterToPush): Promise<void> {
  if (adapters.length === 0)
    throw new InvalidInput('push: this policy is a whole model and no adapter; leave out --what adapter')
  if (base === undefined)
    throw new InvalidInput(
      'push: nothing says where the Hub has the model that this adapter was trained on; name it with --base owner/name ' +
        '(push that model first if the Hub does not have it), or leave out --what adapter to push the whole policy',
    )
  const { modelFiles } = await import('../model/folder.js')
  mkdirSync(folder, { recursive: true })
  const config: unknown = JSON.parse(readFileSync(join(own, ADAPTER_FILES[0]!), 'utf8'))
  const named = { ...(isRecord(config) && config), base_model_name_or_path: base }
  writeFileSync(join(folder, ADAPTER_FILES[0]!), `${JSON.stringify(named, null, 2)}\n`)
  put(join(own, ADAPTER_FILES[1]!), join(folder, ADAPTER_FILES[1]!))
  for (const name of modelFiles(whole).filter((file) => /tokenizer|special_tokens|chat_template/.test(file)))
    put(join(whole, name), join(folder, name))
}

/** What RL subtracts from a reward model's scores. @param folder in which it was put */
export const shiftIn = (folder: string): number =>
  (JSON.parse(readFileSync(join(folder, SHIFT_FILE), 'utf8')) as { shift: number }).shift

/** Writes labels as Parquet, and counts them. @throws InvalidInput when none prefers a response */
export async function putLabels(folder: string, source: LabelSource): Promise<CardLabels> {
  const counts = { labels: 0, undecided: 0 }
  const compared = { agreed: 0, all: 0 }
  const file = join(folder, LABELS_PATH)
  mkdirSync(dirname(file), { recursive: true })
  await writeLabelParquet(file, tallied(await exportedLabels(source, counts), compared))
  if (counts.labels === 0)
    throw new InvalidInput(`push: none of the labels of ${source.labels} prefers one of its responses`)
  return { ...counts, agreement: wilson(compared.agreed, compared.all) }
}

function* tallied(rows: Iterable<ExportedLabel>, compared: { agreed: number; all: number }): Generator<ExportedLabel> {
  for (const row of rows) {
    if (row.people_chose !== null && row.labeler !== 'people') {
      compared.all++
      compared.agreed += Number(row.people_chose === 'chosen')
    }
    yield row
  }
}

/** All files of a folder, with where they go in a repository. */
export const filesIn = (folder: string): LocalFile[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ file, path: file.slice(folder.length + 1).replaceAll('\\', '/'), bytes: statSync(file).size }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
