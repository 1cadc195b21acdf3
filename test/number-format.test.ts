// How numbers are written wherever a person reads them.
import {
  counted,
  formatBytes,
  formatCost,
  formatCount,
  formatDuration,
  formatFigure,
  formatNumber,
  formatP,
  formatPercent,
  formatPercentRange,
  formatRange,
  formatSetting,
  pInWords,
} from '../src/number-format'

/** With spaces that do not break shown as "_". */
const seen = (text: string) => text.replaceAll('\u00a0', '_')

test.each([
  [1234567.891, 2, '1,234,567.89'],
  [999.9999, 3, '1,000.000'],
  [-0.024, 3, '−0.024'],
  [-1e-9, 3, '0.000'],
  [2.9e-25, 0, '0'],
  [1, 3, '1.000'],
  [NaN, 3, '–'],
  [Infinity, 3, '–'],
  [null, 3, '–'],
  [undefined, 3, '–'],
])('%p with %i decimals is %s', (value, decimals, text) => {
  expect(formatNumber(value, decimals)).toBe(text)
})

test.each([
  [1, 'pair', undefined, '1 pair'],
  [0, 'pair', undefined, '0 pairs'],
  [2312, 'pair', undefined, '2,312 pairs'],
  [undefined, 'pair', undefined, '– pairs'],
  [1, 'try', 'tries', '1 try'],
  [2, 'trial was', 'trials were', '2 trials were'],
])('%p of "%s" is written with its noun', (value, noun, plural, text) => {
  expect(counted(value, noun, plural)).toBe(text)
})

test.each([
  [0, '0'],
  [61440, '61,440'],
  [-12, '−12'],
  [4321.5, '4,322'],
  [123.456, '123.5'],
  [8.51234, '8.512'],
  [0.0019, '0.002'],
  [0.00042, '0.00042'],
  [-0.0000123, '−0.000012'],
  [2.4e-9, '2.4_×_10⁻⁹'],
  [NaN, '–'],
  [null, '–'],
])('a figure of unknown meaning: %p is %s', (value, text) => {
  expect(seen(formatFigure(value))).toBe(text)
})

test.each([
  [1e-5, '0.00001'],
  [2.5e-7, '0.00000025'],
  [0.05, '0.05'],
  [-1e-7, '−0.0000001'],
  [20000, '20000'],
])('the setting %p is %s', (value, text) => {
  expect(formatSetting(value)).toBe(text)
})

test('shares and their intervals: no break before %, no minus after a dash, and nothing where nothing is known', () => {
  expect(seen(formatPercent(0.523))).toBe('52_%')
  expect(seen(formatPercent(0.5234, 1))).toBe('52.3_%')
  expect(formatPercent(NaN)).toBe('–')
  expect(formatPercentRange(2.9e-27, 0.13)).toBe('0–13')
  expect(formatPercentRange(NaN, NaN)).toBe('')
  expect(formatRange(formatNumber(-0.5, 1), formatNumber(0.1, 1))).toBe('−0.5 to 0.1')
})

test('p-values', () => {
  expect([0.0341, 0.00001, NaN].map((p) => seen(formatP(p)))).toEqual(['0.034', '<_0.001', '–'])
  expect([0.0341, 0.00001, NaN].map((p) => seen(pInWords(p)))).toEqual(['p_=_0.034', 'p_<_0.001', 'p_=_–'])
})

test('times, money and sizes carry their units', () => {
  const times = [0, 1.14, 9.96, 59.7, 245, 3599.6, 7380, 360000, NaN]
  expect(times.map((seconds) => seen(formatDuration(seconds)))).toEqual([
    '0.0_s',
    '1.1_s',
    '10_s',
    '1_min_00_s',
    '4_min_05_s',
    '1_h_00_min',
    '2_h_03_min',
    '100_h_00_min',
    '–',
  ])
  expect([0, 4.9, 0.005, 0.00005, 1234.5, null].map(formatCost)).toEqual([
    '0.00',
    '4.90',
    '0.0050',
    '0.000050',
    '1,234.50',
    '–',
  ])
  expect([0, 999, 1500, 93e6, 4.21e9, NaN].map((bytes) => seen(formatBytes(bytes)))).toEqual([
    '0_bytes',
    '999_bytes',
    '2_kB',
    '93.0_MB',
    '4.2_GB',
    '–',
  ])
  expect(formatCount(61440)).toBe('61,440')
})
