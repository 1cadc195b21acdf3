// Stage `study`: the judgements of several labelling techniques as one table.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { costOfMember, sharesCost } from '../../contracts/member-figures'
import type { Artifact, Summary } from '../../contracts/artifact'
import { readJsonl } from '../../json-lines'
import {
  calibrationErrorOf,
  correctedVariants,
  partsOf,
  variantResult,
  type Judgement,
} from '../../evaluation/label-study'
import { bestVariant, renderStudy, studyCsv, type StudyData, type StudyPart, type StudyRow } from '../../report/study'
import { answerDays } from '../../report/labeler-answers'
import { originOf, type Stage, type StageHost } from '../stage'
import { version } from '../../version'

const said = {
  preferFirst: z.number().optional(),
  slotOne: z.array(z.number()).optional(),
  failed: z.string().optional(),
  tooLong: z.boolean().optional(),
}
const judgementSchema = z.object({
  id: z.string(),
  preferred: z.union([z.literal(1), z.literal(2)]),
  ...said,
  members: z.array(z.object({ labeler: z.string(), ...said })).optional(),
  criteria: z.record(z.string(), z.number().nullable()).optional(),
})

const readJudgements = async (artifact: Artifact, host: StageHost) =>
  readJsonl(join(await host.open(artifact), 'judgements.jsonl'), judgementSchema) as Judgement[]

/** A member of a jury, or a criterion, alone. */
function partOf(
  variant: string,
  { name, judgements }: ReturnType<typeof partsOf>[number],
  summary: Summary,
): StudyPart {
  const paid = costOfMember(summary, name)
  const error = calibrationErrorOf(judgements)
  return {
    variant,
    ...variantResult(name, judgements),
    ...(error !== undefined && { calibrationError: error }),
    ...(paid && { cost: paid.cost }),
    ...(paid && sharesCost(paid) && { costOf: paid.members }),
  }
}

export const study: Stage<'study'> = {
  async run(input, host) {
    const first = await readJudgements(input.variants[0]!.judged, host)
    const rows: StudyRow[] = []
    const parts: StudyPart[] = []
    for (const [i, { name, judged }] of input.variants.entries()) {
      const { summary, seconds } = await host.manifest(judged)
      const judgements = await readJudgements(judged, host)
      for (const part of partsOf(judgements)) parts.push(partOf(name, part, summary))
      const spent = Object.fromEntries(
        Object.entries({ ...summary, seconds }).filter(
          (entry): entry is [string, number] => typeof entry[1] === 'number',
        ),
      )
      rows.push({
        ...variantResult(name, judgements, i === 0 ? undefined : first),
        labeler: String(summary.labeler),
        spent,
        answers: answerDays(summary),
      })
    }
    const data: StudyData = {
      title: input.title,
      origin: originOf(host),
      task: String(input.variants[0]!.judged.summary.task),
      pairs: first.length,
      rows: correctedVariants(rows),
      ...(parts.length > 0 && { parts }),
      settings: input.settings,
      version,
    }
    writeFileSync(join(host.output, 'report.html'), renderStudy(data))
    writeFileSync(join(host.output, 'study.csv'), studyCsv(data))
    writeFileSync(join(host.output, 'study.json'), `${JSON.stringify(data, null, 2)}\n`)
    const best = bestVariant(rows)
    return {
      variants: rows.length,
      pairs: data.pairs,
      best: best?.name ?? null,
      bestAgreement: best?.agreement.value ?? null,
    }
  },
}
