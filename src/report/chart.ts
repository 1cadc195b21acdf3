// Charts as SVG, drawn without a browser: curves, and points with their intervals.
import { CustomChart, LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { Interval } from '../evaluation/bootstrap'

echarts.use([CustomChart, LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

export interface Curve {
  name: string
  /** [step, value] */
  points: [number, number][]
}

const WIDTH = 460
const HEIGHT = 240

const GRID = { left: 8, right: 14, top: 34, bottom: 6, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' }
/** Sizes of the legend in pixels; `character` is the mean width of one. */
const LEGEND = { character: 6.5, mark: 24, gap: 20, line: 20, top: 24, margin: 4 }

const COLORS = ['#2458a6', '#c4552d', '#3c8d5a', '#7a4fa3', '#b8860b', '#2a9d9d', '#a8476b', '#6b7280']

/** A chart with one line per curve. */
export function lineChart(title: string, curves: readonly Curve[]): string {
  return renderSvg({
    ...titled(title),
    ...(curves.length > 1 && legendOf(curves.map(({ name }) => name))),
    xAxis: { type: 'value', min: 'dataMin', max: 'dataMax', minInterval: 1, axisLabel: { fontSize: 11 } },
    yAxis: { type: 'value', scale: true, axisLabel: { fontSize: 11 } },
    series: curves.map(({ name, points }) => ({
      name,
      type: 'line',
      data: points,
      showSymbol: points.length <= 30,
      symbolSize: 4,
    })),
  })
}

export interface Point extends Interval {
  name: string
}

/** A chart with a point and its interval for each name, from left to right. */
export function pointChart(title: string, points: readonly Point[]): string {
  const whisker = (_: unknown, api: RenderApi) => {
    const [x, low] = api.coord([api.value(0), api.value(1)])
    const [, high] = api.coord([api.value(0), api.value(2)])
    const line = (x1: number, y1: number, x2: number, y2: number) => ({
      type: 'line',
      shape: { x1, y1, x2, y2 },
      style: { stroke: COLORS[0], lineWidth: 1.5 },
    })
    return {
      type: 'group',
      children: [line(x!, low!, x!, high!), line(x! - 5, low!, x! + 5, low!), line(x! - 5, high!, x! + 5, high!)],
    }
  }
  return renderSvg({
    ...titled(title),
    xAxis: {
      type: 'category',
      data: points.map(({ name }) => name),
      axisLabel: { fontSize: 11, interval: 0, rotate: points.length > 5 ? 30 : 0, width: 110, overflow: 'truncate' },
    },
    yAxis: { type: 'value', scale: true, axisLabel: { fontSize: 11 } },
    series: [
      {
        type: 'custom',
        renderItem: whisker,
        data: points.flatMap(({ low, high }, i) =>
          Number.isFinite(low) && Number.isFinite(high) ? [[i, low, high]] : [],
        ),
        encode: { x: 0, y: [1, 2] },
      },
      { type: 'scatter', data: points.map(({ value }, i) => [i, value]), symbolSize: 9 },
    ],
  })
}

/** The part of ECharts’ render API that `whisker` uses. */
interface RenderApi {
  value(dimension: number): number
  coord(point: number[]): number[]
}

/** Below the title, in as many lines as the names take, each a legend of its own; the plot begins below them. */
function legendOf(names: readonly string[]): object {
  const lines = linesOf(names)
  const legend = lines.map((data, line) => ({
    data,
    left: LEGEND.margin,
    top: LEGEND.top + LEGEND.line * line,
    itemWidth: 16,
    itemGap: LEGEND.gap,
    textStyle: { fontSize: 11 },
  }))
  return { legend, grid: { ...GRID, top: GRID.top + LEGEND.line * lines.length } }
}

/** The names by lines, each as full as it can be. */
function linesOf(names: readonly string[]): string[][] {
  const widthOf = (line: readonly string[]) =>
    line.reduce((sum, name) => sum + LEGEND.mark + LEGEND.character * name.length + LEGEND.gap, 0)
  return names.reduce<string[][]>((lines, name) => {
    const line = [...(lines.at(-1) ?? []), name]
    return lines.length > 0 && widthOf(line) <= WIDTH ? [...lines.slice(0, -1), line] : [...lines, [name]]
  }, [])
}

const titled = (title: string) => ({
  title: { text: title, left: 4, top: 0, padding: 4, textStyle: { fontSize: 13, fontWeight: 600 } },
})

function renderSvg(option: object): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  try {
    chart.setOption({
      animation: false,
      color: COLORS,
      grid: GRID,
      ...option,
    })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}
