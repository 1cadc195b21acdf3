// The figures of stages as people read them: what each is called, how it is written, and what it means. For reports,
// the terminal and Temporal's UI; in JSON and CSV a figure keeps the name that it has in the code.
import { formatCost, formatCount, formatFigure, formatNumber, formatPercent, withUnit } from '../number-format'
import type { Summary } from './artifact'

type Kind = 'count' | 'share' | 'score' | 'nats' | 'cost' | 'tokens' | 'text'
type Meaning = readonly [words: string, kind: Kind, explanation?: string]

const MEANINGS: Record<string, Meaning> = {
  // ---- Data and models
  task: ['task', 'text'],
  model: ['model', 'text'],
  parameters: ['parameters', 'count'],
  source: ['source', 'text'],
  format: ['format', 'text', 'The dataset format that the rows were recognized as.'],
  read: ['rows read', 'count'],
  train: ['training rows', 'count'],
  evaluation: ['held-out rows', 'count', 'Rows that are kept out of training, for the evaluation.'],
  dropped: ['rows left out', 'count', 'Rows that could not be used; the report says why.'],
  references: ['references', 'count', 'Training rows with a reference response, which SFT learns from.'],
  humanPairs: ['human pairs', 'count', 'Pairs of responses that people compared.'],
  fieldsNotRead: ['fields not read', 'text'],
  templateDate: ['date in prompts', 'text', 'The date that the chat template prints as today’s.'],
  caution: ['caution', 'text'],
  // ---- Training
  examples: ['examples', 'count'],
  steps: ['steps', 'count'],
  step: ['step', 'count'],
  epochs: ['epochs', 'score'],
  firstLoss: ['first loss', 'score', 'Loss of the first step.'],
  loss: ['loss', 'score', 'Mean loss of the last steps.'],
  validationLoss: ['validation loss', 'score', 'Loss on the held-out pairs; 0.693 is that of the SFT model.'],
  rewardMargin: [
    'reward margin',
    'score',
    'Mean implicit reward of the preferred response less that of the other, on the held-out pairs.',
  ],
  chosenReward: [
    'reward of the preferred',
    'score',
    'Mean implicit reward, β · log(π / π_SFT), of the responses that the held-out labels prefer.',
  ],
  rejectedReward: ['reward of the others', 'score', 'Mean implicit reward of the responses that they do not prefer.'],
  forwardKl: [
    'KL from the SFT model',
    'nats',
    'Mean of log π_SFT − log π over labelled responses: an estimate of KL(π_SFT ‖ π) where the SFT model sampled them.',
  ],
  beta: ['β', 'score'],
  unlabelled: [
    'pairs without label',
    'count',
    'Too long for the labeler, or of two responses that certainly have the same value.',
  ],
  cutReferences: ['cut references', 'count', 'References longer than limits.responseTokens.'],
  cutResponses: ['cut responses', 'count', 'Responses longer than limits.responseTokens.'],
  cutShare: ['share cut', 'share', 'Share of texts that were longer than limits.responseTokens.'],
  resumedAt: [
    'resumed at step',
    'count',
    'The step of the checkpoint that training last continued from; 0: the start.',
  ],
  stopped: ['stopped', 'text', 'Why training ended early or went back to an earlier checkpoint.'],
  algorithm: ['algorithm', 'text'],
  reward: ['reward from', 'text'],
  firstReward: ['first reward', 'score', 'Mean reward of the first step.'],
  lastReward: ['last reward', 'score', 'Mean reward of the last steps.'],
  validationReward: ['validation reward', 'score', 'Mean reward on training prompts that RL does not see.'],
  validationBefore: ['validation reward before', 'score', 'Validation reward of the SFT model.'],
  validationBest: ['best validation reward', 'score', 'Highest validation reward of a checkpoint.'],
  candidates: ['candidates', 'count', 'Checkpoints that a judge chooses among.'],
  probePrompts: ['probed prompts', 'count', 'Held-out prompts at which the reward was probed before RL.'],
  probeOwn: ['reward of own responses', 'score', 'Mean reward of the policy’s own responses to them, before RL.'],
  floorShare: [
    'steps at the floor',
    'share',
    'Share of the last steps in which every reward was the lowest, so that nothing was learned.',
  ],
  probeLiked: ['probe', 'text', 'Responses that the reward should not like, and does not dislike.'],
  watch: ['watch', 'text', 'The second judge, which the policy is not trained on.'],
  watchBefore: [
    'watch before',
    'score',
    'Mean of what the watch gives the SFT model’s responses to the validation prompts.',
  ],
  watchBest: ['best of the watch', 'score', 'Highest such mean of a validation.'],
  watchLast: ['watch at the end', 'score', 'That mean at the last validation.'],
  overOptimized: ['over-optimized', 'text', 'The reward rose while the watch fell, beyond noise.'],
  policyStep: ['policy of step', 'count', 'The step whose policy this is, where it is not the last one.'],
  kl: ['KL', 'nats', 'How far the policy has moved from the SFT model: mean KL per response.'],
  klMean: ['mean KL', 'nats', 'Mean KL to the SFT model per response, over all steps.'],
  // ---- Samples and labels
  pairs: ['pairs', 'count'],
  equalPairs: ['equal pairs', 'count', 'Pairs whose two responses are the same.'],
  perPrompt: ['responses a prompt', 'count'],
  pairing: ['pairing', 'text', 'Which pairs of the responses to a prompt are labelled.'],
  meanTokens: ['mean length', 'tokens'],
  endedShare: ['ended by themselves', 'share', 'Share of responses that end before limits.responseTokens.'],
  labeler: ['labeler', 'text'],
  labels: ['labels', 'count'],
  ties: ['ties', 'count', 'Pairs in which people preferred neither response.'],
  failed: ['failed', 'count', 'Questions without an answer.'],
  tooLong: ['too long', 'count', 'Pairs longer than the context of the labeler.'],
  tied: ['certain ties', 'count', 'Pairs whose responses certainly have the same value.'],
  bounded: ['bounds', 'count', 'Answers of which only a bound of the probability is known.'],
  sameSlotShare: ['same slot', 'share', 'Share of pairs in which the labeler chose the same position in both orders.'],
  sameSlot: ['same slot', 'share', 'Share of pairs in which the same position was chosen in both orders.'],
  meanConfidence: ['mean confidence', 'share', '|2 P − 1| of the labels: 0 is undecided, 100 % is certain.'],
  meanDisagreement: [
    'mean disagreement',
    'score',
    'Standard deviation of the probabilities of the members of a jury, as a mean over the labels.',
  ],
  cutRevisions: ['cut texts', 'count', 'Critiques or revisions that ended at their limit.'],
  changedShare: ['rewritten', 'share', 'Share of responses whose last revision is another text.'],
  answers: ['answers', 'count'],
  criteria: ['criteria', 'count', 'Questions of the rubric of the task.'],
  principles: ['principles', 'count', 'Principles of the task, of which questions show one.'],
  undecided: ['undecided', 'count', 'Labels of exactly one half.'],
  firstShare: [
    'first preferred',
    'share',
    'Share of labels that prefer the response sampled first; by chance one half.',
  ],
  rationales: ['rationales', 'count'],
  cutRationales: ['cut rationales', 'count', 'Rationales that ended at rationaleTokens.'],
  answersFrom: ['answers from', 'text', 'Day of the earliest answer that was used.'],
  answersTo: ['answers to', 'text', 'Day of the latest answer that was used.'],
  undatedAnswers: ['undated answers', 'count'],
  reusedAnswers: ['reused answers', 'count', 'Answers that were given in earlier runs.'],
  reusedCost: ['cost of reused answers', 'cost', 'What the reused answers cost when they were given.'],
  requests: ['requests', 'count'],
  promptTokens: ['tokens in', 'count'],
  completionTokens: ['tokens out', 'count'],
  tokensPerPair: ['tokens a pair', 'count'],
  cost: ['cost', 'cost', 'In the currency of labeler.price and judge.price.'],
  estimatedRequests: ['estimated requests', 'count', 'Requests whose tokens are estimated, as the replies do not say.'],
  // ---- Reward model
  heldOut: ['held-out pairs', 'count', 'Labelled pairs that are kept out of training, to test it on.'],
  accuracy: ['accuracy', 'share', 'Share of held-out pairs that the trained model orders as their labels do.'],
  humanAccuracy: ['accuracy on human pairs', 'share', 'Share of pairs that the reward model orders as people do.'],
  humanCutShare: ['share of human pairs cut', 'share'],
  calibrationError: ['calibration error', 'score', 'Mean distance of predicted from observed preferences.'],
  shift: ['reward shift', 'score', 'Subtracted from every reward, so that rewards average 0 before RL.'],
  shiftedOn: ['shifted on', 'text', 'The responses that the reward shift is the mean of.'],
  paddingGap: ['padding check', 'score', 'Largest change of a score by padding; above 0.01 the stage fails.'],
  // ---- Evaluation
  judge: ['judge', 'text'],
  contests: ['contests', 'count', 'Prompts on which the judge compared policy and baseline.'],
  equal: ['identical responses', 'count'],
  winRate: [
    'win rate',
    'share',
    'Share of held-out prompts on which the judge prefers the policy; ties count one half.',
  ],
  lengthControlledWinRate: ['win rate at equal length', 'share', 'Regression on the ratio of lengths (Appendix J).'],
  verdictRate: ['judged good', 'share', 'Share of the policy’s responses that are good on their own.'],
  baselineVerdictRate: [
    'baseline judged good',
    'share',
    'Share of the baseline’s responses that are good on their own.',
  ],
  agreement: [
    'agreement with people',
    'share',
    'Share of pairs on which the likelier response is the one people prefer.',
  ],
  failedVerdicts: ['verdicts without answer', 'count'],
  policies: ['policies', 'text'],
  prompts: ['prompts', 'count'],
  bouts: ['comparisons', 'count', 'Pairs of responses that the judge was asked about.'],
  widest: ['widest gap', 'text', 'The pair of policies whose win rate is furthest from one half.'],
  widestWinRate: ['win rate of the widest gap', 'share'],
  widestP: ['p of the widest gap', 'score'],
  // ---- Studies, sweeps, people
  variants: ['variants', 'count'],
  best: ['highest', 'text', 'The settings with the highest mean; the report says whether it is beyond noise.'],
  bestAgreement: ['highest agreement', 'share'],
  bestValue: ['highest mean', 'score'],
  headline: ['headline', 'text'],
  trials: ['trials', 'count'],
  done: ['done', 'count'],
  skipped: ['skipped', 'count'],
  metric: ['metric', 'text'],
  items: ['items', 'count', 'Prompts that raters see, attention checks among them.'],
  checks: ['attention checks', 'count'],
  checkItems: ['positions of the attention checks', 'text'],
  responses: ['responses', 'count'],
  ratings: ['ratings', 'count'],
  raters: ['raters', 'count'],
  kendallW: ["Kendall's W", 'score', 'How far the raters agree on the order: 0 not at all, 1 fully.'],
  kappa: ["Cohen's kappa", 'score', 'How far the raters agree on verdicts, beyond chance.'],
  claims: ['claims', 'count'],
  agree: ['claims that agree', 'count'],
  disagree: ['claims that disagree', 'count'],
  seeds: ['seeds', 'count'],
  title: ['title', 'text'],
  stages: ['stages', 'count'],
}

/** The ends of 95 % intervals are figures of their own, named after what they belong to. */
const END = /^(.+)(Low|High)$/
const END_WORDS = { Low: 'lower end', High: 'upper end' } as const

const inWords = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
const SHARE = /(rate|accuracy|agreement|share|slot|confidence)$/i

function meaningOf(name: string): Meaning {
  const known = Object.hasOwn(MEANINGS, name) ? MEANINGS[name] : undefined
  if (known) return known
  const part = name.indexOf(' of ')
  if (part > 0) {
    const [words, kind, explanation] = meaningOf(name.slice(0, part))
    return [
      `${words}${name.slice(part)}`,
      kind,
      ...(explanation === undefined ? [] : [explanation]),
    ] as unknown as Meaning
  }
  const [, of, end] = END.exec(name) ?? []
  if (of !== undefined) {
    const [words, kind] = meaningOf(of)
    return [`${words}, ${END_WORDS[end as keyof typeof END_WORDS]}`, kind, 'End of the 95 % interval.']
  }
  return [inWords(name), SHARE.test(name) ? 'share' : 'text']
}

/** A figure's name in words. */
export const figureWords = (name: string): string => meaningOf(name)[0]

/** What a figure means, where its words do not say it. */
export const figureExplanation = (name: string): string | undefined => meaningOf(name)[2]

export const isShareFigure = (name: string): boolean => meaningOf(name)[1] === 'share'

/** Whether a figure has its words here. */
export const isKnownFigure = (name: string): boolean =>
  Object.hasOwn(MEANINGS, name) || Object.hasOwn(MEANINGS, END.exec(name)?.[1] ?? '')

const FORMATS: Record<Kind, (value: number) => string> = {
  count: formatCount,
  share: (value) => formatPercent(value, 1),
  score: (value) => (value !== 0 && Math.abs(value) < 0.0005 ? formatFigure(value) : formatNumber(value, 3)),
  nats: (value) => withUnit(formatNumber(value, 2), 'nats'),
  cost: formatCost,
  tokens: (value) => withUnit(formatNumber(value, 1), 'tokens'),
  text: formatFigure,
}

/** The value of a figure, as its kind is written; "–" where it is undefined. */
export function figureText(name: string, value: Summary[string] | undefined): string {
  if (typeof value === 'number') return FORMATS[meaningOf(name)[1]](value)
  return value === null || value === undefined ? '–' : String(value)
}

/** Figures as a person reads them: in words, with the ends of an interval behind its value. */
export function figureLines(summary: Summary): { words: string; text: string; explanation?: string | undefined }[] {
  return Object.entries(summary)
    .filter(([name]) => !isEndOf(name, summary))
    .map(([name, value]) => ({
      words: figureWords(name),
      text: figureText(name, value) + intervalText(name, summary),
      explanation: figureExplanation(name),
    }))
}

const isEndOf = (name: string, summary: Summary) => Object.hasOwn(summary, END.exec(name)?.[1] ?? '')

function intervalText(name: string, summary: Summary): string {
  const [low, high] = [summary[`${name}Low`], summary[`${name}High`]]
  if (typeof low !== 'number') return ''
  return typeof high === 'number'
    ? ` (${figureText(name, low)} to ${figureText(name, high)})`
    : ` (at least ${figureText(name, low)})`
}

/** The figure of a sweep's metric, `<stage>.<figure>`, and which part of a study it is of, as in " of Base 0-shot". */
function partsOf(metric: string): { figure: string; part: string } {
  const figure = metric.slice(metric.indexOf('.') + 1)
  const end = figure.indexOf(' of ')
  return end < 0 ? { figure, part: '' } : { figure: figure.slice(0, end), part: figure.slice(end) }
}

/** A figure of a sweep, `<stage>.<figure>` or `study.agreement of <variant>`, in words. */
export function metricWords(metric: string): string {
  const { figure, part } = partsOf(metric)
  return `${figureWords(figure)}${part}`
}

/** The format of a sweep's figure. */
export function metricText(metric: string, value: number): string {
  const { figure } = partsOf(metric)
  return figure.includes(' over ') ? formatPercent(value, 1) : figureText(figure, value)
}
