// Ten labelled pairs of a run's report: what the labeler was surest of, what it could not decide, and where it
// contradicts people.
import { formatNumber } from '../number-format'
import { heading, note, sampleCards, type Sample } from './html'

/** One label, with all that a reader needs to judge it. */
export interface ShownLabel {
  id: string
  context: string
  first: string
  second: string
  /** Probability that the first response is the better one. */
  preferFirst: number
  /** P("1") as it was answered, in the given and in the swapped order; empty where each response was asked about alone. */
  slotOne: readonly number[]
  /** The first rationale of each order. */
  rationales?: readonly string[] | undefined
  /** Of a jury: how far its members are apart, and what each said. */
  disagreement?: number | undefined
  members?: readonly { labeler: string; preferFirst?: number; failed?: string }[] | undefined
  /** Which response people preferred, where they were asked. */
  people?: 1 | 2 | undefined
}

const SHOWN = 10
const RATIONALE_CHARACTERS = 600

const certainty = ({ preferFirst }: ShownLabel) => Math.abs(preferFirst - 0.5)
/** Probability that the labeler gives to what people chose. */
const agreement = ({ preferFirst, people }: ShownLabel) => (people === 1 ? preferFirst : 1 - preferFirst)
const isContradicted = (label: ShownLabel) => label.people !== undefined && agreement(label) < 0.5

const isDisputed = ({ disagreement = 0 }: ShownLabel) => disagreement > 0

interface Kind {
  name: string
  /** How many are shown at most. */
  most: number
  belongs(label: ShownLabel): boolean
  /** The lowest come first. */
  rank(label: ShownLabel): number
}
const KINDS: readonly Kind[] = [
  { name: 'Contradicted by people', most: 3, belongs: isContradicted, rank: agreement },
  { name: 'Most disputed in the jury', most: 3, belongs: isDisputed, rank: ({ disagreement = 0 }) => -disagreement },
  { name: 'Most certain', most: 4, belongs: () => true, rank: (label) => -certainty(label) },
  { name: 'Least certain', most: SHOWN, belongs: () => true, rank: certainty },
]

/** Chooses among any number of labels, of which it keeps few. */
export function labelChoice() {
  const kept = KINDS.map((): ShownLabel[] => [])
  return {
    add(label: ShownLabel): void {
      KINDS.forEach(({ belongs, rank }, i) => {
        if (!belongs(label)) return
        kept[i] = [...kept[i]!, label].sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN)
      })
    },
    /** At most ten labels by kind, each once. */
    chosen(): { name: string; labels: ShownLabel[] }[] {
      const seen = new Set<string>()
      return KINDS.map(({ name, most }, i) => {
        const labels = kept[i]!.filter(({ id }) => !seen.has(id)).slice(0, Math.min(most, SHOWN - seen.size))
        labels.forEach(({ id }) => seen.add(id))
        return { name, labels }
      }).filter(({ labels }) => labels.length > 0)
    },
  }
}

/** @param kinds as `labelChoice` returns them */
export function labelledPairSection(kinds: readonly { name: string; labels: readonly ShownLabel[] }[]): string {
  if (kinds.length === 0) return ''
  const shown = kinds.map(({ name, labels }) => `<h3>${name}</h3>${sampleCards(labels.map(sampleOf), 'pair')}`)
  return [
    heading('Labelled pairs'),
    note('A few labels to read: P(first) is the probability that the first response is the better one.'),
    ...shown,
  ].join('')
}

function sampleOf(label: ShownLabel): Sample {
  const { context, first, second, people } = label
  const title = (name: string, number: 1 | 2) => (people === number ? `${name}, preferred by people` : name)
  return {
    context,
    responses: [
      { title: title('First', 1), text: first },
      { title: title('Second', 2), text: second },
    ],
    remark: remarkOf(label),
  }
}

function remarkOf({ preferFirst, slotOne: [given, swapped], rationales = [], members }: ShownLabel): string {
  const orders =
    given === undefined
      ? members
        ? ['the members of the jury were asked in different ways']
        : ['each response was asked about alone']
      : [
          `P("1") as answered: ${formatNumber(given, 3)} in this order`,
          ...(swapped === undefined ? [] : [`${formatNumber(swapped, 3)} in the swapped order`]),
        ]
  const reasons = rationales.map((rationale, order) => `Rationale ${order + 1}: ${cut(rationale.trim())}`)
  const said = members?.map(
    ({ labeler, preferFirst: p }) => `${labeler} ${p === undefined ? 'no label' : formatNumber(p, 3)}`,
  )
  const jury = said ? [`P(first) of the members: ${said.join(', ')}.`] : []
  return [`P(first) ${formatNumber(preferFirst, 3)}; ${orders.join(', ')}.`, ...jury, ...reasons].join(' ')
}

const cut = (text: string) => (text.length > RATIONALE_CHARACTERS ? `${text.slice(0, RATIONALE_CHARACTERS)} …` : text)
