// `rlaif/artifacts`: the content-addressed store of stages' results, in a folder or a bucket.
export { folderOf, openStore, storeFolder } from './open-store'
export { fileStore, readManifest } from './file-store'
export {
  artifactsIn,
  keyOf,
  LOG_FILE,
  type ArtifactStore,
  type FileSelection,
  type Manifest,
  type OpenedArtifact,
  type Provenance,
  type Work,
} from './store'
export { openAnswers, type AnswerFiles } from './answers'
export { findGarbage, type Garbage, type Stored } from './gc'
