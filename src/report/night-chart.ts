// One figure over the nights of a schedule: points with intervals, joined; failures and changes of settings are marked.
// Each point is a link, which works without a script and from the keyboard.
import { TIME_POINTS, timeChart, type TimePoint } from './chart'
import { escape } from './html'

export interface NightPoint extends TimePoint {
  /** Where a click leads. */
  address: string
  /** Of the link: the night, the figure and what happened. */
  label: string
}

/** What ECharts draws for a point of the series, with its number. */
const POINT = new RegExp(
  `<path\\b[^>]*ecmeta_series_index="${TIME_POINTS}"[^>]*ecmeta_data_index="(\\d+)"[^>]*></path>`,
  'g',
)

/** @param show writes the values of the vertical axis */
export const nightChart = (title: string, nights: readonly NightPoint[], show: (value: number) => string): string =>
  timeChart(title, nights, show).replace(POINT, (point, index: string) => {
    const { address, label } = nights[Number(index)]!
    return `<a href="${escape(address)}" aria-label="${escape(label)}"><title>${escape(label)}</title>${point}</a>`
  })
