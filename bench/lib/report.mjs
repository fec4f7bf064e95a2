// The results as tables: Markdown that is aligned, so that a terminal shows it well too.

import { BASE } from './peers.mjs'
import { machineLine } from './machine.mjs'
import { median, octets, short, spread } from './statistics.mjs'

const ratio = (value) => (Number.isFinite(value) ? value.toFixed(2) : '–')

/** The peer that ratios are taken to. */
export const baseOf = (peers) =>
  peers.find(({ name, samples }) => name === BASE && samples.length > 0) ?? peers.find(({ samples }) => samples.length > 0)

const of = (samples, key) => samples.map((one) => one[key])
export const middle = (samples, key) => median(of(samples, key))

/** Median over the rounds of a quiet connection's round trip, in µs; `when`: 'alone' or 'beside', `share`: 'p50' or 'p99'. */
export const latencyOf = (samples, when, share) => median(samples.map((one) => one[when][share]))

/** How many times less CPU a peer takes for a message than the base. */
export const cpuRatio = (base, peer) => middle(base.samples, 'cpu') / middle(peer.samples, 'cpu')

/** Columns of each kind of result: a heading, and a cell from a peer with samples, the base and its name. */
const COLUMNS = {
  throughput: ({ unit, peers }) => [
    [`${unit === 'delivery' ? 'deliveries' : `${unit}s`}/s`, ({ samples }) => short(middle(samples, 'rate'))],
    ['min..max', ({ samples }) => spread(of(samples, 'rate'))],
    ['× {base}', ({ samples }, base) => ratio(middle(samples, 'rate') / middle(base.samples, 'rate'))],
    [`CPU µs/${unit}`, ({ samples }) => short(middle(samples, 'cpu'))],
    ['min..max', ({ samples }) => spread(of(samples, 'cpu'))],
    ['× {base} by CPU', (peer, base) => ratio(cpuRatio(base, peer))],
    ...(peers.some(({ replyLength }) => replyLength !== undefined)
      ? [['octets back', ({ replyLength }) => short(replyLength ?? Number.NaN)]]
      : []),
    ...(peers.some(({ connectionCpu }) => connectionCpu !== undefined)
      ? [
          ['CPU µs/connection', ({ connectionCpu }) => short(connectionCpu)],
          ['memory/connection', ({ connectionOctets }) => octets(connectionOctets ?? Number.NaN)]
        ]
      : [])
  ],
  memory: () => [
    ['memory/connection', ({ samples }) => octets(middle(samples, 'octets'))],
    ['min..max', ({ samples }) => spread(of(samples, 'octets'), octets)],
    ['/ {base}', ({ samples }, base) => ratio(middle(samples, 'octets') / middle(base.samples, 'octets'))],
    ['RSS with them', ({ samples }) => octets(middle(samples, 'during'))],
    ['left when they are gone', ({ samples }) => octets(middle(samples, 'left'))]
  ],
  latency: () => [
    ['alone: median µs', ({ samples }) => short(latencyOf(samples, 'alone', 'p50'))],
    ['p99 µs', ({ samples }) => short(latencyOf(samples, 'alone', 'p99'))],
    ['beside: median µs', ({ samples }) => short(latencyOf(samples, 'beside', 'p50'))],
    ['p99 µs', ({ samples }) => short(latencyOf(samples, 'beside', 'p99'))],
    ['p99 / {base}', ({ samples }, base) => ratio(latencyOf(samples, 'beside', 'p99') / latencyOf(base.samples, 'beside', 'p99'))],
    ['messages/s beside', ({ samples }) => short(middle(samples, 'rate'))]
  ]
}

/** Rows of cells as an aligned Markdown table; the first column is text, the others are numbers. */
export function table([head, ...rows]) {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => [...(row[column] ?? '')].length)))
  const pad = (text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]))
  const line = (row) => `| ${row.map(pad).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

/** One result as a heading and a table. */
export function section(result) {
  const { id, title, kind, peers, error, text } = result
  const heading = `### ${id}: ${title}\n\n`
  if (error !== undefined) return `${heading}Not measured: ${error}.`
  if (text !== undefined) return `${heading}\`\`\`text\n${text}\n\`\`\``
  if (peers.length === 0) return `${heading}None of the peers takes part.`
  const base = baseOf(peers)
  const columns = COLUMNS[kind](result)
  const head = ['peer', ...columns.map(([name]) => name.replace('{base}', base?.name ?? BASE))]
  const rows = peers.map((peer) =>
    peer.samples.length === 0
      ? [peer.name, 'failed', ...columns.slice(1).map(() => '–')]
      : [peer.name, ...columns.map(([, cell]) => cell(peer, base))]
  )
  const failures = peers
    .filter((peer) => peer.error !== undefined)
    .map((peer) => `\n\n${peer.name} failed: ${peer.error.split('\n')[0]}`)
  const rounds = Math.max(0, ...peers.map(({ samples }) => samples.length))
  return `${heading}${table([head, ...rows])}\n\nMedians of ${rounds} round${rounds === 1 ? '' : 's'}.${failures.join('')}`
}

/** How much less CPU than the base each peer takes for each workload, in one table; empty where there is nothing to compare. */
export function summary(results) {
  const measured = results.filter(({ kind, curve, peers }) => kind === 'throughput' && curve === undefined && peers.length > 1)
  if (measured.length === 0) return ''
  const names = [...new Set(measured.flatMap(({ peers }) => peers.map(({ name }) => name)))]
  const rows = measured.map(({ id, title, peers }) => {
    const base = baseOf(peers)
    const cells = names.map((name) => {
      const peer = peers.find((one) => one.name === name)
      return base === undefined || peer === undefined || peer.samples.length === 0 ? '–' : ratio(cpuRatio(base, peer))
    })
    return [`${id}: ${title}`, ...cells]
  })
  const base = baseOf(measured[0].peers)?.name ?? BASE
  return `## Summary\n\nHow many times less CPU the process under test takes for a message than ${base} does (more is better).\n\n${table([['workload', ...names], ...rows])}`
}

const EXPLANATION =
  'Each peer runs in a process of its own, loaded by another process over loopback. The cost is the CPU time of the process under test, ' +
  'user and system, all threads, for one message. Rates depend on the load process too, which is no faster than Node itself; cost does not. ' +
  '`net` is a raw socket that parses nothing: the limit.'

const TITLE = '# Measurements'

/**
 * Everything as Markdown.
 * @param images charts to show, each {area, alt, source}; those without an area beside the summary
 */
export function markdown({ machine, absent, command, results }, images = []) {
  const missing = Object.entries(absent ?? {}).map(([name, reason]) => `${name} takes no part: ${reason}.`)
  const taken = command === undefined ? [] : [`Taken with \`${command}\`.`]
  const shown = (area) => images.filter((image) => image.area === area).map(({ alt, source }) => `![${alt}](${source})`)
  const parts = [TITLE, machineLine(machine), ...taken, ...missing, EXPLANATION, summary(results), ...shown(undefined)]
  let area = ''
  for (const result of results) {
    if (result.area !== area) parts.push(`## ${result.area}`, ...shown(result.area))
    area = result.area
    parts.push(section(result))
  }
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}
