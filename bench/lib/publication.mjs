// What the README says of the results, between two markers: one chart, one table, and where hybi does not lead.

import { machineLine } from './machine.mjs'
import { cpuRatio, baseOf, latencyOf, middle, table } from './report.mjs'
import { octets, short } from './statistics.mjs'

const BEGIN = '<!-- measurements: written by npm run bench -- --from doc/bench/results.json --publish -->'
const END = '<!-- /measurements -->'

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

/** A difference below this share is none. */
const NOTABLE = 0.05

const capital = (text) => text[0].toUpperCase() + text.slice(1)
const measured = ({ peers }) => (peers ?? []).filter(({ samples }) => samples.length > 0)
const named = (result, name) => measured(result).find((peer) => peer.name === name)

/** What of a kind of result is compared, the less the better: how it is read from a peer, and how it is written. */
const COMPARED = {
  throughput: {
    value: ({ samples }) => middle(samples, 'cpu'),
    text: ({ unit }, value) => `${short(value)} µs of CPU per ${unit}`
  },
  memory: { value: ({ samples }) => middle(samples, 'octets'), text: (_, value) => `${octets(value)} per connection` },
  latency: {
    value: ({ samples }) => latencyOf(samples, 'beside', 'p99'),
    text: (_, value) => `p99 ${short(value)} µs beside the busy connection`
  }
}

/** One line for each workload in which another takes less than hybi, of CPU, memory or time. */
export function whereOthersLead(results) {
  return results.flatMap((result) => {
    const compared = COMPARED[result.kind]
    const own = named(result, 'hybi')
    if (compared === undefined || own === undefined) return []
    const { value, text } = compared
    const better = measured(result).filter((peer) => !NOT_RIVALS.includes(peer.name) && value(peer) < value(own) * (1 - NOTABLE))
    if (better.length === 0) return []
    const rivals = better
      .toSorted((a, b) => value(a) - value(b))
      .map((peer) => `${NAMES[peer.name] ?? peer.name} ${text(result, value(peer))}`)
    return [`- ${capital(result.title)}: ${rivals.join(', ')}; hybi ${text(result, value(own))}.`]
  })
}

const ratioText = (value) => (Number.isFinite(value) ? (value < 9.95 ? value.toFixed(1) : value.toFixed(0)) : '–')

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
      return `- ${capital(result.title)}: hybi ${own}; ws ${base}.`
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
      ? ['hybi does not lead everywhere. Others took less here:', lead.join('\n')]
      : ['No other library took less in any workload.']),
    ...Object.entries(absent ?? {}).map(([name, reason]) => `${NAMES[name] ?? name} took no part: ${reason}.`),
    `All figures, with the spread of the rounds, and more charts are in [doc/bench](doc/bench/README.md). Measured with \`${command}\` on: ${machineLine(machine)}.`
  ]
  return parts.join('\n\n')
}

/**
 * A README with the results between its markers.
 * @throws {Error} where it has no markers
 */
export function withMeasurements(readme, report) {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`the README has no lines ${BEGIN} and ${END}`)
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${block(report)}\n\n${readme.slice(end)}`
}
