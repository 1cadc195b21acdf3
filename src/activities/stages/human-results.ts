// Stage `human-results`: what the raters answered, as a report, its figures as JSON, and a file of all ratings.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeJsonl } from '../../json-lines'
import { humanResult } from '../../evaluation/human'
import { renderHuman, type RatedSample } from '../../report/human'
import { version } from '../../version'
import { readItems, readKeys } from '../../rating/items'
import { originOf, type Stage } from '../stage'

export const humanResults: Stage<'human-results'> = {
  async run({ title, settings, items, kind, raters, ratings, seed }, host) {
    const folder = await host.open(items)
    const [shown, keys] = [readItems(folder), readKeys(folder)]
    const result = humanResult({ kind, keys, ratings, raters, seed })
    const samples = shown.flatMap(({ context, responses }, i): RatedSample[] => {
      const answers = ratings.filter(([item]) => item === i)
      return keys[i]!.check || answers.length === 0
        ? []
        : [
            {
              context,
              responses: responses.map((text, place) => ({ policy: keys[i]!.policies[place]!, text })),
              answers: answers.map(([, rater, answer]) => ({ rater: raters[rater]!, answer })),
            },
          ]
    })
    writeFileSync(
      join(host.output, 'report.html'),
      renderHuman({
        title,
        origin: originOf(host),
        settings,
        version,
        task: String(items.summary.task),
        kind,
        result,
        samples,
      }),
    )
    writeFileSync(join(host.output, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
    writeJsonl(
      join(host.output, 'ratings.jsonl'),
      ratings.map(([item, rater, answer, seconds]) => ({
        item,
        id: keys[item]!.id,
        rater: raters[rater],
        policies: keys[item]!.policies,
        answer,
        seconds,
        check: keys[item]!.check,
      })),
    )
    const figures =
      kind === 'rank'
        ? { kendallW: Number.isFinite(result.kendallW) ? result.kendallW : null }
        : { kappa: Number.isFinite(result.kappa) ? result.kappa : null }
    return Promise.resolve({ ratings: ratings.length, prompts: samples.length, raters: raters.length, ...figures })
  },
}
