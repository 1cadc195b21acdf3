// Runs a stage alone, without workflow, worker and store.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StageHost } from '../../src/activities/stage'
import { openAnswers, type AnswerFiles } from '../../src/artifacts/answers'
import type { Manifest } from '../../src/artifacts/store'
import type { Artifact } from '../../src/contracts/artifact'
import { parse } from '../../src/contracts/parse'
import { stageSchemas, type StageInput, type StageName } from '../../src/contracts/stages'
import { temporaryFolder } from '../tiny-folder'

const folderOf = (uri: string) => uri.slice('file://'.length)

/** Runs a stage without a store: an artifact is its folder. @param more parts of the host in place of these */
export async function computeStage<N extends StageName>(
  stage: { run(input: StageInput<N>, host: StageHost): Promise<Artifact['summary']> },
  name: N,
  input: object,
  more: Partial<StageHost> = {},
) {
  const output = temporaryFolder()
  let answers: AnswerFiles | undefined
  const host = {
    open: ({ uri }) => Promise.resolve(folderOf(uri)),
    manifest: ({ uri }) =>
      Promise.resolve(JSON.parse(readFileSync(join(folderOf(uri), 'manifest.json'), 'utf8')) as Manifest),
    sources: {},
    answers: () => (answers ??= openAnswers(join(output, 'store'))),
    output,
    checkpoints: join(output, 'checkpoints'),
    report: () => {},
    note: () => {},
    warn: () => {},
    key: '0'.repeat(32),
    handleInterruption: () => () => false,
    isCancelled: () => false,
    ...more,
  } as Partial<StageHost> as StageHost
  const summary = await stage.run(parse(stageSchemas[name] as never, input, name) as StageInput<N>, host)
  return { uri: `file://${output}`, sha256: '0'.repeat(64), bytes: 1, summary }
}
