// What the reward of RL gave responses that it should not like, before training.
import { liking, type RewardProbe } from '../evaluation/reward-probe'
import { counted, formatNumber, formatPercent, formatRange } from '../number-format'
import { heading, note } from './html'
import { figureCell, intervalCell, table, textCell, type Cell } from './table'

const VERDICTS = { liked: 'liked: RL will move there', 'not told apart': 'not told apart', disliked: '' } as const

const shown = (value: number) => formatNumber(value, 3)

/** Empty for a run without a probe. */
export function probeSection(probe: RewardProbe | undefined): string {
  if (!probe) return ''
  const { prompts, own, responses } = probe
  const rows = responses.map((response): Cell[] => {
    const { name, text, reward, above, difference } = response
    const { value, low, high } = difference
    return [
      textCell(name),
      textCell(text === '' ? '(empty)' : text),
      figureCell(shown(reward)),
      intervalCell(shown(value), Number.isNaN(low) ? '' : formatRange(shown(low), shown(high))),
      figureCell(formatPercent(above)),
      textCell(VERDICTS[liking(response)]),
    ]
  })
  return [
    heading('Probe of the reward'),
    table(['Response', 'Text', 'Mean reward', 'More than the own response', 'Above it', 'Verdict'], rows, {
      fold: true,
    }),
    note(
      `Before RL the reward was asked about the same text as a response to ${counted(prompts, 'held-out prompt')}, ` +
        `and about the policy’s own greedy responses, which it gave ${shown(own)} on average. Differences are of the ` +
        'same prompt, with their 95 % interval.',
    ),
  ].join('')
}
