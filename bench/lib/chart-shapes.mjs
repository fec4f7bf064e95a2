// Shapes of charts as SVG: bars, curves and points, drawn by Vega, readable on light and dark ground, with no font of their own.

import { compile } from 'vega-lite'
import { Error as LOG_ERRORS, View, logger, parse, textMetrics } from 'vega'
import { machineLine } from './machine.mjs'

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'

/** Colours by use, on light ground and on dark. */
const GROUND = ['#ffffff', '#0d1117']
const TEXT = ['#1f2328', '#e6edf3']
const MUTED = ['#59636e', '#9198a1']
const GRID = ['#d8dee4', '#30363d']
const THEMES = [GROUND, TEXT, MUTED, GRID]

/** Colours that can be told apart on both grounds. */
const PEER_COLORS = {
  hybi: '#2f81f7',
  'hybi-wasm': '#1bb3c9',
  'hybi-js': '#8f7ff0',
  ws: '#e0701a',
  'ws+bufferutil': '#c79a1b',
  websocket: '#d65a9e',
  'faye-websocket': '#9a6b4f',
  undici: '#2ea05f',
  bun: '#e5484d',
  net: '#848d97'
}
const OTHER_COLORS = ['#2f81f7', '#e0701a', '#2ea05f', '#d65a9e', '#8f7ff0', '#c79a1b', '#1bb3c9', '#848d97']

const CONFIG = {
  background: GROUND[0],
  font: FONT,
  padding: 16,
  view: { stroke: null },
  title: {
    color: TEXT[0],
    subtitleColor: MUTED[0],
    fontSize: 16,
    subtitleFontSize: 11,
    anchor: 'start',
    offset: 14,
    subtitlePadding: 6
  },
  axis: {
    labelColor: MUTED[0],
    titleColor: MUTED[0],
    domainColor: GRID[0],
    tickColor: GRID[0],
    gridColor: GRID[0],
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal'
  },
  legend: { labelColor: TEXT[0], titleColor: MUTED[0], labelFontSize: 12, symbolSize: 90 },
  header: { labelColor: TEXT[0], titleColor: TEXT[0], labelFontSize: 12 },
  text: { color: TEXT[0], fontSize: 11 }
}

/** Vega has no canvas to measure text with here, and its own guess is half too wide: the mean width of a character of such fonts, in em. */
const CHARACTER_EM = 0.56
textMetrics.width = ({ fontSize = 11 }, text) => CHARACTER_EM * fontSize * String(text).length

/** Lines of at most `width` characters, broken at spaces, but not before a number. */
function wrapped(text, width) {
  const lines = ['']
  for (const word of text.split(/ (?![\d(])/)) {
    const line = lines.at(-1)
    if (line.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}

/** @param width of the lines above the chart, in characters */
export async function draw(title, note, machine, spec, width = 125) {
  const whole = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, subtitle: [...wrapped(note, width), ...wrapped(machineLine(machine), width)] },
    config: CONFIG,
    ...spec
  }
  const { spec: vega } = compile(whole, { logger: logger(LOG_ERRORS) })
  const view = new View(parse(vega), { renderer: 'none', logLevel: LOG_ERRORS })
  const svg = await view.toSVG()
  view.finalize()
  const dark = THEMES.map(([light, other]) => `[fill="${light}"]{fill:${other}}[stroke="${light}"]{stroke:${other}}`).join('')
  const style = `<title>${escaped(title)}</title><style>@media (prefers-color-scheme: dark){${dark}}</style>`
  return `${svg.replace(/^(<svg[^>]*>)/, `$1${style}`)}\n`
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** A colour for each name, the same in every chart for the peers that are known. */
function colors(names) {
  const range = names.map((name, index) => PEER_COLORS[name] ?? OTHER_COLORS[index % OTHER_COLORS.length])
  return { domain: names, range }
}

/** The peers of the rows, those that are known in the order of their colours. */
const namesIn = (rows) => {
  const names = unique(rows.map(({ peer }) => peer))
  const known = Object.keys(PEER_COLORS).filter((name) => names.includes(name))
  return [...known, ...names.filter((name) => !known.includes(name))]
}

export const unique = (values) => [...new Set(values)]

/** A power of ten times 1, 2 or 5 that is not above (or, with `up`, not below) `value`. */
function rounded(value, up) {
  const power = 10 ** Math.floor(Math.log10(value))
  const steps = [1, 2, 5, 10].map((step) => step * power)
  return up ? steps.find((step) => step >= value * 0.999) : steps.findLast((step) => step <= value * 1.001)
}

/** Where a logarithmic scale has lines: at 1, 2 and 5 of each decade, or at powers of ten where there are many. */
function logTicks(least, most) {
  const [from, to] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))]
  const steps = Math.log10(most / least) > 2 ? [1] : [1, 2, 5]
  const ticks = []
  for (let power = from; power <= to; power++) ticks.push(...steps.map((step) => Number((step * 10 ** power).toPrecision(3))))
  return ticks.filter((tick) => tick >= least * 0.999 && tick <= most * 1.001)
}

/** What is drawn of hybi itself stands out. */
const PROMINENT = "=== 'hybi'"
const prominent = (field, value, otherwise) => ({ condition: { test: `${field} ${PROMINENT}`, value }, value: otherwise })

/** Where ratios have a line. */
const RATIOS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200]

/** Scale and ticks of bars: from zero, logarithmic from the least, or logarithmic around `from`. */
function barScale(values, { from, log }) {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  if (from !== undefined) {
    const domain = [Math.min(from * 0.8, rounded(least, false)), rounded(Math.max(most, from), true) * 1.6]
    return { from, ticks: logTicks(...domain), domain }
  }
  if (!log) return { domain: [0, most * 1.12] }
  const begin = rounded(least / 2, false)
  return { from: begin, ticks: logTicks(begin, most), domain: [begin, rounded(most, true) * 1.6] }
}

/** Groups of bars, one below the other; rows are {group, peer, value, label}. Scales as `barScale` says. */
export function bars(rows, { axis, ...kind }) {
  const { from, ticks, domain } = barScale(
    rows.map(({ value }) => value),
    kind
  )
  const values = rows.map((row) => ({ ...row, end: Math.max(row.value, from ?? 0), from }))
  const x = {
    field: 'value',
    type: 'quantitative',
    scale: from === undefined ? { domain } : { type: 'log', domain },
    title: axis,
    axis: { format: ',~r', tickCount: 6, ...(from === undefined ? {} : { values: ticks }) }
  }
  const y = {
    field: 'peer',
    type: 'nominal',
    sort: null,
    title: null,
    axis: {
      domain: false,
      ticks: false,
      labelColor: TEXT[0],
      labelFontSize: 12,
      labelPadding: 6,
      labelFontWeight: prominent('datum.label', 'bold', 'normal')
    }
  }
  return {
    data: { values },
    facet: {
      row: {
        field: 'group',
        type: 'nominal',
        sort: unique(rows.map(({ group }) => group)),
        title: null,
        header: { labelOrient: 'top', labelAnchor: 'start', labelFontWeight: 'bold' }
      }
    },
    spacing: 18,
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 620,
      height: { step: 19 },
      layer: [
        {
          mark: { type: 'bar', height: { band: 0.78 } },
          encoding: {
            x,
            ...(from === undefined ? {} : { x2: { field: 'from' } }),
            y,
            opacity: prominent('datum.peer', 1, 0.75),
            color: { field: 'peer', type: 'nominal', scale: colors(namesIn(rows)), legend: null }
          }
        },
        {
          mark: { type: 'text', align: 'left', dx: 5, color: TEXT[0] },
          encoding: { x: { ...x, field: 'end' }, y, text: { field: 'label' } }
        }
      ]
    }
  }
}

/** Curves on logarithmic scales; rows are {x, peer, value}. */
export function curves(rows, { xAxis, yAxis, width = 300, height = 260, format = '~s', xFormat = '~s', xValues }) {
  const most = rounded(Math.max(...rows.map(({ value }) => value)), true)
  const least = rounded(Math.min(...rows.map(({ value }) => value)), false)
  return {
    data: { values: rows },
    width,
    height,
    mark: { type: 'line', point: { size: 36 } },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        scale: { type: 'log', nice: false },
        title: xAxis,
        axis: {
          format: xFormat,
          grid: false,
          ...(xValues === undefined ? {} : { values: xValues }),
          ...(xFormat === '' ? { labelExpr: OCTETS } : {})
        }
      },
      y: {
        field: 'value',
        type: 'quantitative',
        scale: { type: 'log', domain: [least, most] },
        title: yAxis,
        axis: { format, values: logTicks(least, most) }
      },
      strokeWidth: prominent('datum.peer', 3.5, 1.75),
      color: { field: 'peer', type: 'nominal', scale: colors(namesIn(rows)), title: null }
    }
  }
}

/** A Vega expression that writes a number of octets with a binary unit. */
const OCTETS =
  "datum.value >= 1048576 ? datum.value / 1048576 + ' MiB' : datum.value >= 1024 ? datum.value / 1024 + ' KiB' : datum.value + ' B'"

/** A point for each peer and workload on one logarithmic scale; rows are {group, peer, value}. */
export function points(rows, { axis }) {
  const all = rows.map(({ value }) => value)
  const x = {
    field: 'value',
    type: 'quantitative',
    title: axis,
    scale: { type: 'log', domain: [rounded(Math.min(...all), false), rounded(Math.max(...all), true)] },
    axis: { format: '~r', orient: 'top', values: RATIOS }
  }
  const y = {
    field: 'group',
    type: 'nominal',
    sort: null,
    title: null,
    axis: { grid: true, domain: false, ticks: false, labelLimit: 0, labelPadding: 10, labelColor: TEXT[0], labelFontSize: 12 }
  }
  return {
    data: { values: rows },
    width: 460,
    height: { step: 24 },
    layer: [
      { mark: { type: 'rule', color: MUTED[0], strokeDash: [3, 3] }, data: { values: [{ value: 1 }] }, encoding: { x } },
      {
        mark: { type: 'point', filled: true, opacity: 0.9 },
        encoding: {
          x,
          y,
          size: prominent('datum.peer', 140, 65),
          color: {
            field: 'peer',
            type: 'nominal',
            scale: colors(namesIn(rows)),
            legend: { orient: 'bottom', title: null, columns: 5 }
          },
          shape: {
            field: 'peer',
            type: 'nominal',
            scale: {
              domain: namesIn(rows),
              range: namesIn(rows).map((name) => (name === 'net' ? 'square' : name.startsWith('hybi') ? 'circle' : 'diamond'))
            },
            legend: null
          }
        }
      }
    ]
  }
}
