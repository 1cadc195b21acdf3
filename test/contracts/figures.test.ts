// The figures of stages in words, and each in the format of its kind.
import { figureLines, figureText, metricText, metricWords } from '../../src/contracts/figures'

const seen = (summary: Parameters<typeof figureLines>[0]) =>
  figureLines(summary).map(({ words, text }) => `${words}: ${text}`.replaceAll('\u00a0', ' '))

test('figures have words, units and fixed decimals; the ends of an interval stand behind its value', () => {
  expect(
    seen({
      labeler: 'judge-9',
      labels: 1980,
      kl: -0.0241,
      paddingGap: 2.4e-7,
      accuracy: 0.7132,
      accuracyLow: 0.657,
      accuracyHigh: 0.763,
      calibrationError: null,
      cost: 4.9,
      ended: true,
    }),
  ).toEqual([
    'labeler: judge-9',
    'labels: 1,980',
    'KL: −0.02 nats',
    'padding check: 2.4 × 10⁻⁷',
    'accuracy: 71.3 % (65.7 % to 76.3 %)',
    'calibration error: –',
    'cost: 4.90',
    'ended: true',
  ])
})

test('an end of an interval that stands alone is named as such, and an unknown figure by its own name', () => {
  expect(seen({ agreement: 0.74, agreementLow: 0.68 })).toEqual(['agreement with people: 74.0 % (at least 68.0 %)'])
  expect(seen({ winRateLow: 0.48 })).toEqual(['win rate, lower end: 48.0 %'])
  expect(seen({ someNewFigure: 0.12345, someNewShare: 0.5 })).toEqual([
    'some new figure: 0.123',
    'some new share: 50.0 %',
  ])
})

test('the metric of a sweep is said in words, and keeps the name that its settings have elsewhere', () => {
  const metrics = ['evaluate.winRate', 'rl.kl', 'study.agreement of Base 0-shot', 'comparison.rlaif over sft', 'own']
  expect(metrics.map(metricWords)).toEqual([
    'win rate',
    'KL',
    'agreement with people of Base 0-shot',
    'rlaif over sft',
    'own',
  ])
  expect(metrics.map((metric) => metricText(metric, 0.5).replaceAll('\u00a0', ' '))).toEqual([
    '50.0 %',
    '0.50 nats',
    '50.0 %',
    '50.0 %',
    '0.500',
  ])
  expect(figureText('winRate', null)).toBe('–')
})
