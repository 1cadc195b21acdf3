// What a stage did, in a sentence, by the figures of its artifact.
import type { Summary } from '../contracts/artifact'
import { spokenName } from '../evaluation/model-family'
import { counted, formatCount, formatNumber, formatPercent, isDefined, type Shown } from '../number-format'

/** A figure as a number; undefined where it is none. */
export const numberOf = (value: Summary[string] | undefined): number | undefined =>
  typeof value === 'number' ? value : undefined

const count = (value: Summary[string] | undefined): string => formatCount(numberOf(value))
const many = (value: Summary[string] | undefined, noun: string, plural?: string): string =>
  counted(numberOf(value), noun, plural)
const word = (value: Summary[string] | undefined): string => String(value ?? '–')
const name = (value: Summary[string] | undefined): string => spokenName(String(value ?? 'the labeler'))

/** A share with its interval, e.g. "62 % of 96 prompts (95 % interval 52 % to 71 %)". */
export function shareText(share: Shown, of: string, low: Shown, high: Shown): string {
  const interval =
    isDefined(low) && isDefined(high) ? `95 % interval ${formatPercent(low)} to ${formatPercent(high)}` : ''
  return `${formatPercent(share)} of ${of}${interval && ` (${interval})`}`
}

/** With what is said only where it is not nothing. */
const also = (value: Summary[string] | undefined, text: (value: number) => string): string => {
  const number = numberOf(value) ?? 0
  return number > 0 ? `, ${text(number)}` : ''
}

type Sentence = (figures: Summary, shownAs: string) => string

const SENTENCES: Record<string, Sentence> = {
  model: ({ model, parameters }) => `The model is ${word(model)}, of ${millions(numberOf(parameters))} weights.`,
  data: ({ source, train, evaluation, dropped, humanPairs }) =>
    `The data, ${word(source)}, gave ${many(train, 'prompt')} to train on and ${count(evaluation)} held out` +
    `${also(humanPairs, (pairs) => `with ${many(pairs, 'pair')} that people compared`)}` +
    `${also(dropped, (rows) => `and ${many(rows, 'row was', 'rows were')} left out`)}.`,
  sft: ({ steps, examples, firstLoss, loss }) =>
    `SFT took ${many(steps, 'step')} on ${many(examples, 'reference')}: the loss went ${fromTo(firstLoss, loss, 3)}.`,
  sample: ({ pairs, meanTokens, source }) =>
    source === 'data'
      ? `The data's own responses gave ${many(pairs, 'pair')}.`
      : `The policy wrote ${many(pairs, 'pair')} of responses, of ${tokens(meanTokens)} on average.`,
  label: ({ labels, labeler, failed, tied }) =>
    `${capital(name(labeler))} labelled ${many(labels, 'pair')}` +
    `${also(failed, (n) => `and gave no answer to ${count(n)}`)}` +
    `${also(tied, (n) => `and called ${count(n)} even`)}.`,
  'human-labels': ({ labels, ties }) =>
    `People had labelled ${many(labels, 'pair')}` +
    `${also(ties, (n) => `and ${many(n, 'more as a tie, which is', 'more as ties, which are')} left out`)}.`,
  'reward-model': rewardModelSentence,
  dpo: dpoSentence,
  'online-dpo': ({ steps, labels, labeler, kl }) =>
    `Online DPO took ${many(steps, 'step')} on ${many(labels, 'pair')} that ${name(labeler)} labelled at once; it ended at a ` +
    `KL of ${formatNumber(numberOf(kl), 2)} nats to the SFT model.`,
  rl: ({ algorithm, steps, reward, firstReward, lastReward, kl }) =>
    `RL by ${word(algorithm).toUpperCase()} took ${many(steps, 'step')}: the ${word(reward)} went ` +
    `${fromTo(firstReward, lastReward, 3)} on average, at a KL of ${formatNumber(numberOf(kl), 2)} nats to the SFT model.`,
  choose: ({ step, candidates, judge }) =>
    candidates === 1
      ? `The policy is that of step ${count(step)}, the only candidate.`
      : `${capital(name(judge))} chose step ${count(step)} among ${many(candidates, 'checkpoint')}.`,
  respond: ({ responses, meanTokens }, shownAs) =>
    `${many(responses, 'response was', 'responses were')} written (${shownAs}), of ${tokens(meanTokens)} on average.`,
  judge: ({ labeler, pairs, agreement, agreementLow, agreementHigh }, shownAs) =>
    `${shownAs.startsWith('judge: ') ? `${shownAs.slice(7)}: ${name(labeler)}` : capital(name(labeler))} agrees with people on ` +
    `${shareText(numberOf(agreement), many(pairs, 'pair'), numberOf(agreementLow), numberOf(agreementHigh))}.`,
  contest: ({ judge, policies, prompts, failed }) =>
    `${capital(name(judge))} compared ${word(policies)} on ${many(prompts, 'prompt')}` +
    `${also(failed, (n) => `and gave no answer to ${many(n, 'pair')}`)}.`,
  evaluate: winRateSentence,
  'rating-items': ({ items, policies }) =>
    `${many(items, 'item')} of ${word(policies)} ${items === 1 ? 'was' : 'were'} drawn for the raters.`,
}

/** @param shownAs the run's name for the stage @returns undefined for a stage that only reports on others */
export function stageSentence(stage: string, figures: Summary, shownAs = stage): string | undefined {
  return SENTENCES[stage]?.(figures, shownAs)
}

/** A mean length, in whole tokens. */
const tokens = (mean: Summary[string] | undefined): string => {
  const value = numberOf(mean)
  return counted(isDefined(value) ? Math.round(value) : value, 'token')
}
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
const millions = (weights: number | undefined) =>
  isDefined(weights) && weights >= 1e6 ? `${formatNumber(weights / 1e6, 1)} million` : formatCount(weights)
const fromTo = (first: Summary[string] | undefined, last: Summary[string] | undefined, decimals: number) =>
  `from ${formatNumber(numberOf(first), decimals)} to ${formatNumber(numberOf(last), decimals)}`

function rewardModelSentence({ pairs, accuracy, accuracyLow, accuracyHigh, heldOut, undecided }: Summary): string {
  const trained = `The reward model was trained on ${many(pairs, 'label')}`
  if (numberOf(accuracy) === undefined) return `${trained}; no held-out label shows how good it is.`
  const decided = counted(Number(heldOut) - Number(undecided ?? 0), 'held-out one')
  const share = shareText(numberOf(accuracy), decided, numberOf(accuracyLow), numberOf(accuracyHigh))
  return `${trained} and agrees with ${share}.`
}

function dpoSentence({ pairs, steps, accuracy, accuracyLow, accuracyHigh, heldOut, undecided }: Summary): string {
  const trained = `DPO took ${many(steps, 'step')} on ${many(pairs, 'label')}`
  if (numberOf(accuracy) === undefined) return `${trained}; no held-out label shows what it learned.`
  const decided = formatCount(Number(heldOut) - Number(undecided ?? 0))
  const share = shareText(numberOf(accuracy), `${decided} held-out ones`, numberOf(accuracyLow), numberOf(accuracyHigh))
  return `${trained}; its implicit rewards agree with ${share}.`
}

/** The figures of an evaluation, as its stage or a trial of a sweep names them. @param baseline what it is compared with */
export function winRateSentence(figures: Summary, baseline = 'its baseline'): string {
  const against = baseline === 'evaluate' ? 'its baseline' : baseline
  const { winRate, winRateLow: low, winRateHigh: high, contests, failed, judge } = figures
  if (numberOf(winRate) === undefined)
    return `There is no win rate: the judge, ${name(judge)}, answered none of ${many(failed, 'comparison')}.`
  const noDifference = Number(low) <= 0.5 && Number(high) >= 0.5 ? '; it does not differ from 50 % beyond noise' : ''
  return (
    `The policy's win rate against ${against} is ` +
    `${shareText(numberOf(winRate), many(contests, 'prompt'), numberOf(low), numberOf(high))}` +
    atEqualLengthText(figures) +
    `, judged by ${name(judge)}${noDifference}.`
  )
}

/** Few prompts say little of it: its interval is shown too. An older evaluation has none in its summary. */
function atEqualLengthText(figures: Summary): string {
  const value = numberOf(figures.lengthControlledWinRate)
  if (value === undefined) return ''
  const [low, high] = ['Low', 'High'].map((end) => numberOf(figures[`lengthControlledWinRate${end}`]))
  const range = low === undefined ? '' : ` (${formatPercent(low)} to ${formatPercent(high)})`
  return `, ${formatPercent(value)} at equal length${range}`
}

/** Where the task asks for a verdict on each response alone; undefined elsewhere. */
export function verdictSentence({ verdictRate, baselineVerdictRate }: Summary, baseline: string): string | undefined {
  if (numberOf(verdictRate) === undefined) return undefined
  const rates = [verdictRate, baselineVerdictRate].map((rate) => formatPercent(numberOf(rate)))
  return `Judged good on their own: ${rates[0]} of the policy's responses, ${rates[1]} of those of ${baseline}.`
}
