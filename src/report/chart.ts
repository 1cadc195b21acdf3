// Curves as SVG, drawn without a browser.
import { LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

echarts.use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

export interface Curve {
  name: string
  /** [step, value] */
  points: [number, number][]
}

const WIDTH = 460
const HEIGHT = 240

/** One chart with a title, a step axis and one line a curve. */
export function lineChart(title: string, curves: readonly Curve[]): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  try {
    chart.setOption({
      animation: false,
      color: ['#2458a6', '#c4552d', '#3c8d5a', '#7a4fa3'],
      title: { text: title, left: 4, textStyle: { fontSize: 13, fontWeight: 600 } },
      ...(curves.length > 1 && { legend: { right: 4, top: 2, itemWidth: 16, textStyle: { fontSize: 11 } } }),
      grid: { left: 8, right: 14, top: 34, bottom: 6, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      xAxis: { type: 'value', min: 'dataMin', max: 'dataMax', minInterval: 1, axisLabel: { fontSize: 11 } },
      yAxis: { type: 'value', scale: true, axisLabel: { fontSize: 11 } },
      series: curves.map(({ name, points }) => ({ name, type: 'line', data: points, showSymbol: points.length <= 30, symbolSize: 4 })),
    })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}
