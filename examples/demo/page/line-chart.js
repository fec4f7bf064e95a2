// A line chart of the latest values, drawn as SVG at the size of its container.

const NAMESPACE = 'http://www.w3.org/2000/svg'
const LEFT = 52 // room for the labels of the value axis
const RIGHT = 8
const TOP = 8
const BOTTOM = 6
/** How many medians the scale reaches at most. */
const OUTLIER = 4

/**
 * A chart for up to `capacity` values from 0 up; the latest stands at the right edge. The scale fits the usual values:
 * one far beyond them is cut off at the top and marked, so that it does not flatten all others.
 */
export function createLineChart(container, { capacity, unit, label }) {
  const svg = element('svg', { role: 'img', 'aria-label': label })
  let values = []
  let middle = 0
  container.append(svg)
  new ResizeObserver(render).observe(container)

  function render() {
    const { clientWidth: width, clientHeight: height } = container
    if (width === 0) return
    const top = axisMaximum(Math.min(Math.max(...values, 0), OUTLIER * middle))
    const x = (index) => LEFT + ((index + capacity - values.length) / (capacity - 1)) * (width - LEFT - RIGHT)
    const y = (value) => TOP + (1 - Math.min(value / top, 1)) * (height - TOP - BOTTOM)

    svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    svg.replaceChildren()
    for (const value of [0, top / 2, top]) {
      svg.append(element('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }))
      const text = element('text', { x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' })
      text.textContent = value === 0 ? '0' : `${value} ${unit}`
      svg.append(text)
    }
    if (values.length === 0) return
    const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
    const last = values.length - 1
    svg.append(
      element('line', { class: 'middle', x1: LEFT, x2: width - RIGHT, y1: y(middle), y2: y(middle) }),
      element('polyline', { class: 'series', points }),
      element('circle', { class: 'latest', cx: x(last), cy: y(values[last]), r: 3 })
    )
    values.forEach((value, index) => {
      if (value > top) svg.append(element('path', { class: 'latest', d: `M${x(index)} ${TOP - 6}l4 7h-8z` }))
    })
  }

  return {
    draw(latest, median) {
      values = latest
      middle = median
      svg.setAttribute('aria-label', `${label}: ${values.length} values, median ${median.toPrecision(2)} ${unit}`)
      render()
    }
  }
}

/** The next of 1, 2, 4, 6, 8 times a power of ten: half of it is round as well. */
function axisMaximum(value) {
  if (value === 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const maximum = [1, 2, 4, 6, 8, 10].find((step) => step * power >= value) * power
  return Number(maximum.toPrecision(1)) // 6 * 0.1 is not quite 0.6
}

function element(name, attributes) {
  const node = document.createElementNS(NAMESPACE, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  return node
}
