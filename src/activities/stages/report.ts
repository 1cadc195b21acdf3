// Stage `report`: all results of a run on one page.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { LOG_FILE, TENSORBOARD } from '../../artifacts/store'
import type { Artifact } from '../../contracts/artifact'
import { readJsonl } from '../../json-lines'
import { writeTensorBoard } from '../../training/tensorboard'
import { version } from '../../version'
import { renderReport, type ReportData } from '../../report/report'
import { readCalibration, readChoice, readDropped, readEvaluation, readJudgedContests } from '../result-files'
import type { Stage, StageHost } from '../stage'

const metricsSchema = z.record(z.string(), z.number())

export const report: Stage<'report'> = {
  async run(input, host) {
    const data: ReportData = {
      title: input.title,
      settings: input.settings,
      version,
      stages: [],
      dropped: {},
      contests: [],
    }
    for (const artifact of input.artifacts) await gather(data, artifact, host)
    writeFileSync(join(host.output, 'report.html'), renderReport(data))
    writeTensorBoard(join(host.output, TENSORBOARD), data.stages)
    return { title: input.title, stages: data.stages.length }
  },
}

async function gather(data: ReportData, artifact: Artifact, host: StageHost): Promise<void> {
  const folder = await host.open(artifact)
  const { stage, version, seconds, summary, sources } = await host.manifest(artifact)
  const log = join(folder, LOG_FILE)
  data.stages.push({
    stage,
    version,
    seconds,
    summary,
    ...(sources && { sources }),
    uri: artifact.uri,
    sha256: artifact.sha256,
    metrics: existsSync(log) ? readJsonl(log, metricsSchema) : [],
  })
  if (stage === 'data') data.dropped = readDropped(folder)
  if (stage === 'choose') data.choice = readChoice(folder)
  if (stage === 'reward-model') data.calibration = readCalibration(folder)
  if (stage === 'evaluate') {
    data.evaluation = readEvaluation(folder)
    data.contests = readJudgedContests(folder)
  }
}
