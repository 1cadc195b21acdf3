// Charts as SVG, drawn without a browser: curves, and points with their intervals.
import { CustomChart, LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { Interval } from '../evaluation/bootstrap'
import { largest, smallest } from '../extremes'
import { formatCount, formatSetting } from '../number-format'

echarts.use([CustomChart, LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

export interface Curve {
  name: string
  /** [step, value] */
  points: [number, number][]
}

const WIDTH = 460
/** Of the plot, with the labels of its axes. */
const PLOT_HEIGHT = 206
const MARGIN = 8

const GRID = { left: MARGIN, right: 16, bottom: 6, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' }
/** Sizes in pixels; `character` is the width of a wide one, as browsers choose the font. */
const TITLE = { top: 4, line: 18, character: 8 }
const LEGEND = { character: 7, mark: 24, gap: 16, line: 17, width: WIDTH - 2 * MARGIN }
const NAMES = { character: 6.6, line: 15, width: 150, gap: 12 }

/** Legible on light and on dark paper. */
const LINES = { axisLine: { lineStyle: { color: '#888' } }, splitLine: { lineStyle: { color: '#88888840' } } }
const COLORS = ['#3a72c4', '#c4552d', '#3c8d5a', '#7a4fa3', '#b8860b', '#2a9d9d', '#a8476b', '#6b7280']

/** @param show writes the values of the vertical axis */
export function lineChart(title: string, curves: readonly Curve[], show = tick): string {
  const head = titled(title)
  const legend = curves.length > 1 ? legendOf(curves, head.bottom) : { option: {}, bottom: head.bottom }
  return renderSvg(legend.bottom + PLOT_HEIGHT, {
    ...head.option,
    ...legend.option,
    grid: { ...GRID, top: legend.bottom + 10 },
    xAxis: {
      ...LINES,
      type: 'value',
      min: 'dataMin',
      max: 'dataMax',
      minInterval: 1,
      axisLabel: { fontSize: 11, formatter: tick },
    },
    yAxis: { ...LINES, type: 'value', scale: true, axisLabel: { fontSize: 11, formatter: short(show) } },
    series: curves.map(({ name, points }, i) => ({
      name,
      type: 'line',
      data: points,
      showSymbol: points.length <= 30,
      symbolSize: 4,
      // a second round of the colours is told apart by its lines
      lineStyle: { type: i < COLORS.length ? 'solid' : 'dashed' },
    })),
  })
}

export interface Point extends Interval {
  name: string
}

/** A chart with a row for each name: its point and interval. @param show writes the values of the horizontal axis */
export function pointChart(title: string, points: readonly Point[], show = tick): string {
  const head = titled(title)
  const lines = points.map(({ name }) => linesOf(name, NAMES.character, NAMES.width))
  const rowHeight = NAMES.line * largest(lines, 1) + NAMES.gap
  return renderSvg(head.bottom + rowHeight * points.length + 34, {
    ...head.option,
    grid: { ...GRID, top: head.bottom + 6 },
    xAxis: {
      ...LINES,
      type: 'value',
      scale: true,
      axisLabel: { fontSize: 11, formatter: short(show), hideOverlap: true },
    },
    yAxis: {
      axisLine: LINES.axisLine,
      type: 'category',
      inverse: true,
      data: points.map(({ name }) => name),
      axisLabel: { fontSize: 11, interval: 0, width: NAMES.width, overflow: 'breakAll', lineHeight: NAMES.line },
    },
    series: [
      {
        type: 'custom',
        renderItem: whisker,
        data: points.flatMap(({ low, high }, i) =>
          Number.isFinite(low) && Number.isFinite(high) ? [[low, high, i]] : [],
        ),
        encode: { x: [0, 1], y: 2 },
      },
      { type: 'scatter', data: points.map(({ value }, i) => [value, i]), symbolSize: 9 },
    ],
  })
}

/** A moment, what was measured then, and its interval; without a value, only the moment has a mark below. */
export interface TimePoint extends Partial<Interval> {
  /** In milliseconds of the epoch. */
  at: number
  mark?: 'failed' | 'changed' | undefined
}

const MARKS = {
  none: { symbol: 'circle', itemStyle: { color: COLORS[0] } },
  changed: { symbol: 'diamond', symbolSize: 14, itemStyle: { color: COLORS[4] } },
  failed: { symbol: 'triangle', symbolSize: 13, itemStyle: { color: COLORS[1] } },
}
const TIME_WIDTH = 900

/**
 * Points with intervals along time, joined. In the SVG, the elements of series `TIME_POINTS` carry the index of their
 * point as `ecmeta_data_index`.
 * @param show writes the values of the vertical axis
 */
export function timeChart(title: string, points: readonly TimePoint[], show = tick): string {
  const head = titled(title)
  const lowest = smallest(points.flatMap(({ value, low }) => [value, low].filter(isNumber)))
  const drawn = points.map(({ at, value = lowest, mark }) => ({ value: [at, value], ...MARKS[mark ?? 'none'] }))
  return renderSvg(
    head.bottom + PLOT_HEIGHT,
    {
      ...head.option,
      grid: { ...GRID, top: head.bottom + 10, right: 24 },
      xAxis: { ...LINES, type: 'time', axisLabel: { fontSize: 11, hideOverlap: true, formatter: dayText } },
      yAxis: { ...LINES, type: 'value', scale: true, axisLabel: { fontSize: 11, formatter: show } },
      series: [
        { type: 'line', data: points.map(({ at, value = null }) => [at, value]), showSymbol: false, silent: true },
        { type: 'scatter', data: drawn, symbolSize: 9, z: 4, itemStyle: { opacity: 1 } },
        {
          type: 'custom',
          silent: true,
          renderItem: verticalWhisker,
          data: points.flatMap(({ at, low, high }) => (isNumber(low) && isNumber(high) ? [[at, low, high]] : [])),
          encode: { x: 0, y: [1, 2] },
        },
      ],
    },
    TIME_WIDTH,
  )
}
export const TIME_POINTS = 1

const isNumber = (value: number | undefined): value is number => Number.isFinite(value)

/** The day in UTC, as everywhere in rlaif. */
const dayText = (at: number): string => new Date(at).toISOString().slice(5, 10)

function verticalWhisker(_: unknown, api: RenderApi): object {
  const [x, low] = api.coord([api.value(0), api.value(1)]) as [number, number]
  const [, high] = api.coord([api.value(0), api.value(2)]) as [number, number]
  const line = (x1: number, y1: number, x2: number, y2: number) => ({
    type: 'line',
    shape: { x1, y1, x2, y2 },
    style: { stroke: COLORS[0], lineWidth: 1.5 },
  })
  return {
    type: 'group',
    children: [line(x, low, x, high), line(x - 4, low, x + 4, low), line(x - 4, high, x + 4, high)],
  }
}

/** The part of ECharts’ render API that `whisker` uses. */
interface RenderApi {
  value(dimension: number): number
  coord(point: number[]): number[]
}

function whisker(_: unknown, api: RenderApi): object {
  const [low, y] = api.coord([api.value(0), api.value(2)]) as [number, number]
  const [high] = api.coord([api.value(1), api.value(2)]) as [number]
  const line = (x1: number, y1: number, x2: number, y2: number) => ({
    type: 'line',
    shape: { x1, y1, x2, y2 },
    style: { stroke: COLORS[0], lineWidth: 1.5 },
  })
  return {
    type: 'group',
    children: [line(low, y, high, y), line(low, y - 5, low, y + 5), line(high, y - 5, high, y + 5)],
  }
}

/** Values that ECharts has chosen for an axis are round already. */
const tick = (value: number): string => (Math.abs(value) >= 10_000 ? formatCount(value) : formatSetting(value))

/** Without the zeros of round values: longer labels would hide each other, the last one first. */
const short =
  (show: (value: number) => string) =>
  (value: number): string =>
    show(value).replace(/\.0+(?!\d)/, '')

/** How many lines a text takes. */
const linesOf = (text: string, character: number, width: number): number =>
  Math.max(1, Math.ceil((character * text.length) / width))

/** The title, in as many lines as it takes. @returns where it ends */
function titled(title: string): { option: object; bottom: number } {
  const lines = linesOf(title, TITLE.character, LEGEND.width)
  const textStyle = { fontSize: 13, fontWeight: 600, lineHeight: TITLE.line, width: LEGEND.width, overflow: 'break' }
  return {
    option: { title: { text: title, left: MARGIN, top: TITLE.top, padding: 0, textStyle } },
    bottom: TITLE.top + TITLE.line * lines + 4,
  }
}

/**
 * The names of the curves, each row of them a legend of its own; the plot begins below them. A name that is longer than
 * a row takes several lines.
 */
function legendOf(curves: readonly Curve[], top: number): { option: object; bottom: number } {
  let bottom = top
  const legend = rowsOf(curves.map(({ name }) => name)).map((data) => {
    const lines = linesOf(data[0]!, LEGEND.character, LEGEND.width - LEGEND.mark)
    const row = {
      ...{ data, left: MARGIN, top: bottom, padding: 0, itemWidth: 16, itemHeight: 10, itemGap: LEGEND.gap },
      textStyle: {
        ...{ fontSize: 11, lineHeight: LEGEND.line - 3 },
        ...(lines > 1 && { width: LEGEND.width - LEGEND.mark, overflow: 'breakAll' }),
      },
    }
    bottom += LEGEND.line * lines
    return row
  })
  return { option: { legend }, bottom }
}

/** The names by rows, each as full as it can be. */
function rowsOf(names: readonly string[]): string[][] {
  const widthOf = (row: readonly string[]) =>
    row.reduce((sum, name) => sum + LEGEND.mark + LEGEND.character * name.length + LEGEND.gap, -LEGEND.gap)
  return names.reduce<string[][]>((rows, name) => {
    const row = [...(rows.at(-1) ?? []), name]
    return rows.length > 0 && widthOf(row) <= LEGEND.width ? [...rows.slice(0, -1), row] : [...rows, [name]]
  }, [])
}

function renderSvg(height: number, option: object, width = WIDTH): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({ animation: false, color: COLORS, ...option })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}
