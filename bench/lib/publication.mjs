// What the README says of the results, between two markers: one chart, one table, and where hybi does not lead.

import { machineLine } from './machine.mjs'
import { cpuRatio, baseOf, latencyOf, middle, table } from './report.mjs'
import { octets } from './statistics.mjs'

const MEASUREMENTS = [
  '<!-- measurements: written by npm run bench -- --from doc/bench/results.json --publish -->',
  '<!-- /measurements -->'
]
const COMPRESSION = [
  '<!-- compression: written by npm run bench:deflate -- --from doc/bench/deflate.json --publish -->',
  '<!-- /compression -->'
]

/** The peers of the table, in its order, by the names it has for them. */
const COLUMNS = {
  ws: 'ws',
  'ws+bufferutil': 'ws + bufferutil',
  websocket: 'websocket',
  'faye-websocket': 'faye-websocket',
  bun: 'Bun',
  hybi: '**hybi**',
  'hybi-js': "hybi, `kernels: 'js'`",
  net: 'raw socket'
}
const NAMES = { ...COLUMNS, undici: "Node's own client", hybi: 'hybi' }

/** Peers that are hybi, or that do not do what a WebSocket library does. */
const NOT_RIVALS = ['hybi', 'hybi-js', 'hybi-wasm', 'net']

/** A difference below this share counts as none. */
const NOTABLE = 0.05

const capital = (text) => text[0].toUpperCase() + text.slice(1)
const measured = ({ peers }) => (peers ?? []).filter(({ samples }) => samples.length > 0)
const named = (result, name) => measured(result).find((peer) => peer.name === name)

/** What of a kind of result is compared, the less the better, as read from the samples of a peer. */
const COMPARED = {
  throughput: (samples) => middle(samples, 'cpu'),
  memory: (samples) => middle(samples, 'octets'),
  latency: (samples) => latencyOf(samples, 'beside', 'p99')
}
const TITLES = {
  latency: ({ cases }) => `p99 of a quiet connection's round trip ${cases.beside[0].toLowerCase()}${cases.beside.slice(1)}`
}

/** One line for each rival that takes less than hybi anywhere, of CPU, memory or time: where, and how many times less. */
export function whereOthersLead(results) {
  const leads = new Map()
  for (const result of results.filter(({ kind, curve }) => COMPARED[kind] !== undefined && curve === undefined)) {
    const read = COMPARED[result.kind]
    const own = named(result, 'hybi')
    if (own === undefined) continue
    for (const { name, samples } of measured(result)) {
      const times = read(own.samples) / read(samples)
      if (NOT_RIVALS.includes(name) || !(times > 1 + NOTABLE && times < Infinity)) continue
      const title = TITLES[result.kind]?.(result) ?? result.title
      leads.set(name, [...(leads.get(name) ?? []), `${title} (${times.toFixed(times < 9.95 ? 1 : 0)} times less)`])
    }
  }
  return [...leads].map(([name, list]) => `- ${NAMES[name] ?? name}: ${list.join('; ')}.`)
}

const ratioText = (value) => (Number.isFinite(value) ? value.toFixed(value < 0.995 ? 2 : value < 9.95 ? 1 : 0) : '–')

function ratios(results) {
  const names = Object.keys(COLUMNS)
  const rows = results
    .filter(({ kind, curve }) => kind === 'throughput' && curve === undefined)
    .map((result) => {
      const base = baseOf(result.peers)
      const cells = names.map((name) => {
        const peer = named(result, name)
        const text = peer === undefined ? '–' : ratioText(cpuRatio(base, peer))
        return name === 'hybi' && text !== '–' ? `**${text}**` : text
      })
      return [capital(result.title), ...cells]
    })
  return table([['× less CPU than ws', ...Object.values(COLUMNS)], ...rows])
}

/** Memory in words: hybi beside ws, of each workload that measured it. */
function memoryLines(results) {
  return results
    .filter((result) => result.kind === 'memory' && named(result, 'hybi') !== undefined && named(result, 'ws') !== undefined)
    .map((result) => {
      const [own, base] = ['hybi', 'ws'].map((name) => {
        const { samples } = named(result, name)
        return `${octets(middle(samples, 'octets'))} each, ${octets(middle(samples, 'left'))} in all left when they were gone`
      })
      return `- ${capital(result.title.replace(/^memory of /, ''))}: hybi ${own}; ws ${base}.`
    })
}

/** What stands between the markers. */
function block({ machine, command, absent, results }) {
  const lead = whereOthersLead(results)
  const memory = memoryLines(results)
  const parts = [
    '![CPU per message of each library against ws, by workload: one point for each.](doc/bench/overview.svg)',
    'The figures say how many times less CPU one message costs than with ws, in the process under test: user and system time of all its ' +
      'threads. It runs on a CPU of its own, and another process makes the load, over loopback. 2 means half the CPU, and so twice the ' +
      'messages from the same processor; above 1, more is better. The raw socket parses, masks and validates nothing: it shows what ' +
      'Node.js and the kernel leave to be gained. Other columns run on Node.js, but for Bun, which has a server and a client of its own ' +
      'in native code; for the broadcast it has its `publish`.',
    ratios(results),
    ...(memory.length > 0 ? ['Memory of connections:', memory.join('\n')] : []),
    ...(lead.length > 0
      ? ['hybi does not lead everywhere. Others took less CPU, memory or time than hybi here:', lead.join('\n')]
      : ['No other library took less in any workload.']),
    ...Object.entries(absent ?? {}).map(([name, reason]) => `${NAMES[name] ?? name} took no part: ${reason}.`),
    `All figures, with the spread of the rounds, and more charts are in [doc/bench](doc/bench/README.md). Measured with \`${command}\` on: ${machineLine(machine)}.`
  ]
  return parts.join('\n\n')
}

/** `text` between two markers. */
function withBlock(readme, [begin, end], text) {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the README has no lines ${begin} and ${end}`)
  return `${readme.slice(0, from + begin.length)}\n\n${text}\n\n${readme.slice(to)}`
}

/**
 * A README with the results of `npm run bench` between its markers.
 * @throws {Error} where it has no markers
 */
export const withMeasurements = (readme, report) => withBlock(readme, MEASUREMENTS, block(report))

/**
 * A README with the results of `npm run bench:deflate` between its markers: messages of 1 KiB, and memory.
 * @throws {Error} where it has no markers
 */
export function withCompression(readme, { machine, results: { codecs, memory } }) {
  const rows = codecs.rows.filter(([name], index) => index === 0 || name.endsWith(', 1 KiB'))
  const parts = [
    '![CPU to deflate and inflate a message of 1 KiB, by implementation.](doc/bench/deflate.svg)',
    `Messages of 1 KiB with context takeover, unless the column says otherwise: CPU of all threads in µs, and how much of the message goes over the wire. The columns \`ws\`, \`zlib\` and \`pako\` are zlib's algorithm at level 6.`,
    table(rows),
    memory.note,
    table(memory.rows),
    `Other sizes, windows, broadcasts, and how long the event loop waits for a large message: [doc/bench/deflate.md](doc/bench/deflate.md). Measured with \`npm run bench:deflate\` on: ${machineLine(machine)}.`
  ]
  return withBlock(readme, COMPRESSION, parts.join('\n\n'))
}
