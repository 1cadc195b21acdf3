// Stage `report`: all results of a run on one page.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { LOG_FILE, TENSORBOARD } from '../../artifacts/store'
import type { Artifact } from '../../contracts/artifact'
import { decidedPairs } from '../../data/row'
import { readJsonl, readJsonlInParts } from '../../json-lines'
import { writeTensorBoard } from '../../training/tensorboard'
import { version } from '../../version'
import { juryTally } from '../../evaluation/jury-agreement'
import { labelChoice, type ShownLabel } from '../../report/labelled-pairs'
import { renderReport, type ReportData } from '../../report/report'
import {
  CALIBRATION_FILE,
  readCalibration,
  readChoice,
  readDropped,
  readEvaluation,
  readJudgedContests,
} from '../result-files'
import { readProbe } from '../probe-file'
import { readRevisions } from '../revisions'
import { labelledPairSchema, readData, type LabelledPair } from '../rows'
import { originOf, type Stage, type StageHost } from '../stage'

const metricsSchema = z.record(z.string(), z.number())

export const report: Stage<'report'> = {
  async run(input, host) {
    const data: ReportData = {
      title: input.title,
      origin: originOf(host),
      settings: input.settings,
      version,
      stages: [],
      dropped: {},
      contests: [],
    }
    for (const artifact of input.artifacts) await gather(data, artifact, host)
    Object.assign(data, await readLabels(input.artifacts, host))
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
  if (stage === 'revise') data.revisions = readRevisions(folder, SHOWN_REVISIONS)
  if (stage === 'rl') data.probe = readProbe(folder)
  if (stage === 'choose') data.choice = readChoice(folder)
  if (stage === 'reward-model' || (stage === 'dpo' && existsSync(join(folder, CALIBRATION_FILE))))
    data.calibration = readCalibration(folder)
  if (stage === 'evaluate') {
    data.evaluation = readEvaluation(folder)
    data.contests = readJudgedContests(folder)
  }
}

const SHOWN_REVISIONS = 5

/** Labels of this many pairs are in memory at once. */
const PAIRS_AT_ONCE = 4096

/** Ten labels to read, with what people said where the pairs are theirs; and how a jury agrees. */
async function readLabels(
  artifacts: readonly Artifact[],
  host: StageHost,
): Promise<Pick<ReportData, 'labelled' | 'jury'>> {
  const choice = labelChoice()
  const jury = juryTally()
  const labelled = await ofStage('label', artifacts, host)
  const people = labelled.some(isOfPeoplesPairs) ? await peoplesChoices(artifacts, host) : NOBODYS
  for (const artifact of labelled) {
    const file = join(await host.open(artifact), 'labels.jsonl')
    for (const labels of readJsonlInParts(file, labelledPairSchema, PAIRS_AT_ONCE))
      for (const label of labels) {
        const shown = shownLabel(label, people)
        choice.add(shown)
        const { disagreement, members } = label
        if (disagreement !== undefined && members) jury.add({ ...shown, disagreement, members })
      }
  }
  return { labelled: choice.chosen(), jury: jury.result() }
}

/** Stage `label` says how often the first response is preferred only of samples, whose order is chance. */
const isOfPeoplesPairs = ({ summary }: Artifact) => summary.firstShare === undefined

type PeoplesChoices = ReadonlyMap<string, { responses: readonly [string, string]; preferred: 1 | 2 }>

const NOBODYS: PeoplesChoices = new Map()

async function peoplesChoices(artifacts: readonly Artifact[], host: StageHost): Promise<PeoplesChoices> {
  const choices: [string, { responses: readonly [string, string]; preferred: 1 | 2 }][] = []
  for (const artifact of await ofStage('data', artifacts, host))
    for (const { id, responses, preferred } of decidedPairs(readData(await host.open(artifact)).train))
      choices.push([id, { responses, preferred }])
  return new Map(choices)
}

async function ofStage(stage: string, artifacts: readonly Artifact[], host: StageHost): Promise<Artifact[]> {
  const stages = await Promise.all(artifacts.map((artifact) => host.manifest(artifact)))
  return artifacts.filter((_, i) => stages[i]!.stage === stage)
}

/** People's choice belongs to the label when the very pair is theirs: samples of a policy share only the prompt's id. */
function shownLabel(label: LabelledPair, people: PeoplesChoices): ShownLabel {
  const { id, context, preferFirst, slotOne, rationales, disagreement, members } = label
  const [first, second] = [label.first.text, label.second.text]
  const theirs = people.get(id)
  const isSame = theirs?.responses[0] === first && theirs.responses[1] === second
  return {
    ...{ id, context, first, second, preferFirst, slotOne, rationales, disagreement, members },
    people: isSame ? theirs.preferred : undefined,
  }
}
