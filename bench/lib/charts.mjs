// Which charts the results give, and what each of them shows.

import { bars, curves, draw, points, unique } from './chart-shapes.mjs'
import { baseOf, cpuRatio, latencyOf } from './report.mjs'
import { median, octets, short } from './statistics.mjs'

const measuredPeers = ({ peers }) => (peers ?? []).filter(({ samples }) => samples.length > 0)

/** CPU ratios to the base, as rows. */
function ratioRows(results) {
  return results.flatMap((result) => {
    const peers = measuredPeers(result)
    const base = baseOf(peers)
    return peers.map((peer) => {
      const value = cpuRatio(base, peer)
      const cost = short(median(peer.samples.map(({ cpu }) => cpu)))
      return { group: capital(result.title), peer: peer.name, value, label: `${value.toFixed(2)}×  (${cost} µs)` }
    })
  })
}

/** The same for a chart with everything: what matters most is drawn last, over the others. */
const overviewRows = (results) =>
  ratioRows(results)
    .filter(({ peer }) => peer !== 'hybi-wasm')
    .toSorted((a, b) => (a.peer === 'hybi') - (b.peer === 'hybi'))

const capital = (text) => text[0].toUpperCase() + text.slice(1)

const AREA_TITLES = {
  receive: 'Receiving',
  send: 'Sending',
  echo: 'Echo',
  broadcast: 'Broadcast',
  handshake: 'Opening and closing connections',
  tls: 'Over TLS',
  compression: 'Compressed messages (permessage-deflate)'
}

/**
 * All charts that the results give.
 * @returns a list of {area, name: the file's name without ending, title, svg}; the overview has no area
 */
export async function charts({ machine, results }) {
  const drawn = []
  const add = async (area, name, title, note, spec, width) =>
    drawn.push({ area, name, title, svg: await draw(title, note, machine, spec, width) })
  const throughput = results.filter((result) => result.kind === 'throughput' && measuredPeers(result).length > 0)
  const plain = throughput.filter(({ curve }) => curve === undefined)

  if (plain.length > 0) {
    const base = baseOf(measuredPeers(plain[0])).name
    const note = `How many times less CPU one message takes than with ${base}, in the process under test. More is better; net is a raw socket that parses nothing.`
    const compared = plain.filter((result) => measuredPeers(result).length > 1)
    if (compared.length > 0)
      await add(
        undefined,
        'overview',
        `CPU per message, against ${base}`,
        note,
        points(overviewRows(compared), { axis: `times less CPU than ${base}` }),
        150
      )
    for (const area of new Set(compared.map((result) => result.area))) {
      const rows = ratioRows(compared.filter((result) => result.area === area))
      await add(
        area,
        area,
        `${AREA_TITLES[area] ?? area}: CPU per message, against ${base}`,
        note,
        bars(rows, { axis: `times less CPU than ${base} (in brackets: µs)`, from: 1 })
      )
    }
  }

  const memory = results.filter((result) => result.kind === 'memory' && measuredPeers(result).length > 0)
  const memoryRows = (chosen, key, unit) =>
    chosen.flatMap((result) =>
      measuredPeers(result).map(({ name, samples }) => {
        const value = Math.max(0, median(samples.map((one) => one[key])))
        return { group: capital(result.title), peer: name, value: value / unit, label: octets(value) }
      })
    )
  const isCompressed = ({ id }) => id === 'w10z'
  for (const [name, title, chosen] of [
    ['memory', 'Memory of an idle connection', memory.filter((result) => !isCompressed(result))],
    ['memory-compression', 'Memory of an idle connection that compresses', memory.filter(isCompressed)]
  ]) {
    const note = 'Growth of the resident set per connection, after garbage collection. Less is better.'
    if (chosen.length > 0)
      await add('memory', name, title, note, bars(memoryRows(chosen, 'octets', 1024), { axis: 'KiB per connection' }))
  }
  if (memory.length > 0)
    await add(
      'memory',
      'memory-left',
      'Memory that is left when all connections are gone',
      'Growth of the resident set over what it was before they came, after garbage collection. Less is better.',
      bars(memoryRows(memory, 'left', 1024 ** 2), { axis: 'MiB' })
    )

  const quiet = results.filter((result) => result.kind === 'latency' && measuredPeers(result).length > 0)
  if (quiet.length > 0) {
    const rows = quiet
      .flatMap((result) =>
        Object.keys(result.cases).flatMap((when) =>
          measuredPeers(result).map(({ name, samples }) => {
            const value = latencyOf(samples, when, 'p99') / 1000
            return { group: result.cases[when], peer: name, value, label: `${short(value)} ms` }
          })
        )
      )
      .filter(({ value }) => value > 0)
    await add(
      'fairness',
      'fairness',
      'A quiet connection beside a busy one: p99 of its round trip',
      'One message of 64 B every 3 ms or more, and the time until its echo is back. Less is better.',
      bars(rows, { axis: 'ms', log: true })
    )
  }

  const curveRows = (curve, pick) =>
    throughput
      .filter((result) => result.curve === curve)
      .flatMap((result) => measuredPeers(result).map((peer) => ({ x: result.x, peer: peer.name, value: pick(peer, result.x) })))
      .filter(({ value }) => Number.isFinite(value) && value > 0)
  const cost = ({ samples }) => median(samples.map(({ cpu }) => cpu))

  const panels = [
    ['CPU µs per message', cost],
    ['CPU µs per connection opened', ({ connectionCpu }) => connectionCpu],
    ['KiB per connection', ({ connectionOctets }) => connectionOctets / 1024]
  ]
    .map(([yAxis, pick]) => [yAxis, curveRows('connections', pick)])
    .filter(([, rows]) => rows.length > 0)
  if (panels.length > 0) {
    await add(
      'scaling',
      'scaling-connections',
      'Cost by number of connections',
      'Echo of 64 B text, one message in flight on every connection. Flat is good, and less is better.',
      {
        hconcat: panels.map(([yAxis, rows]) =>
          curves(rows, { xAxis: 'connections', yAxis, format: ',~r', xValues: [1, 10, 100, 1000, 10_000] })
        )
      }
    )
  }
  const perOctet = curveRows('sizes', (peer, size) => (cost(peer) * 1000) / size)
  if (perOctet.length > 0) {
    const xValues = [16, 256, 4096, 65536, 1048576, 16777216]
    const options = { xAxis: 'message size', xFormat: '', xValues, width: 420, format: ',~r' }
    await add('scaling', 'scaling-sizes', 'Cost by message size', 'Echo of binary messages. Less is better.', {
      hconcat: [
        curves(curveRows('sizes', cost), { ...options, yAxis: 'CPU µs per message' }),
        curves(perOctet, { ...options, yAxis: 'CPU ns per octet' })
      ]
    })
  }

  const kernels = results.find(({ id, rows }) => id === 'kernels' && rows !== undefined)
  if (kernels !== undefined) {
    const rows = kernels.rows.flatMap(({ operation, size, unit, ns }) =>
      Object.entries(ns).map(([peer, value]) => ({ operation: `${operation} (ns per ${unit})`, x: size, peer, value }))
    )
    const { data, width, height, mark, encoding } = curves(rows, {
      xAxis: 'octets',
      yAxis: 'ns',
      xFormat: '',
      xValues: [16, 256, 4096, 65536, 1048576],
      width: 270,
      height: 190,
      format: '~s'
    })
    await add(
      'kernels',
      'kernels',
      'Kernels by themselves',
      'Time of one call (of one frame, for scans), by size. Less is better; memcpy is the limit of what moves octets.',
      {
        data,
        facet: {
          field: 'operation',
          type: 'nominal',
          sort: unique(rows.map(({ operation }) => operation)),
          title: null,
          header: { labelAnchor: 'start', labelFontWeight: 'bold' }
        },
        columns: 3,
        spec: { width, height, mark, encoding },
        resolve: { axis: { x: 'independent', y: 'independent' } }
      }
    )
  }
  return drawn
}
