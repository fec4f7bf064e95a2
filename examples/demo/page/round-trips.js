// Round-trip times to the echo path.

import { connect } from './connection.js'
import { createLineChart } from './line-chart.js'

const KEPT = 60
const INTERVAL_MS = 250
const byId = (id) => document.getElementById(id)

export function startRoundTrips() {
  const chart = createLineChart(byId('rtt-chart'), { capacity: KEPT, unit: 'ms', label: 'Round-trip times' })
  const toggle = byId('rtt-toggle')
  const times = []
  let sequence = 0
  let sentText = ''
  let sentAt = 0
  let timer
  let paused = false

  const connection = connect('/echo', [], {
    onOpen() {
      if (!paused) measure()
    },
    onMessage(text) {
      const elapsed = performance.now() - sentAt
      if (paused || text !== sentText) return // a pause cut this round trip short
      add(elapsed)
      plan()
    },
    onClose: () => clearTimeout(timer)
  })

  toggle.addEventListener('click', () => {
    paused = !paused
    toggle.textContent = paused ? 'Resume' : 'Pause'
    toggle.setAttribute('aria-pressed', String(paused))
    clearTimeout(timer)
    if (!paused) measure()
  })

  function plan() {
    clearTimeout(timer)
    if (!paused) timer = setTimeout(measure, INTERVAL_MS)
  }

  function measure() {
    sentText = `round trip ${++sequence}`
    sentAt = performance.now()
    connection.send(sentText)
  }

  function add(elapsed) {
    times.push(elapsed)
    if (times.length > KEPT) times.shift()
    const sorted = times.toSorted((a, b) => a - b)
    const median = percentile(sorted, 0.5)
    byId('rtt-median').textContent = milliseconds(median)
    byId('rtt-p99').textContent = milliseconds(percentile(sorted, 0.99))
    byId('rtt-last').textContent = milliseconds(elapsed)
    chart.draw(times, median)
  }
}

/** Nearest-rank percentile of sorted values. */
function percentile(sorted, share) {
  return sorted[Math.ceil(sorted.length * share) - 1]
}

function milliseconds(value) {
  return `${value.toFixed(value < 1 ? 2 : value < 100 ? 1 : 0)} ms`
}
