// permessage-deflate by itself: `npm run bench:deflate`, of dist/. `-- --help` tells the rest.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { IMPLEMENTATIONS, wasm } from './deflate/implementations.mjs'
import { documents, KINDS, messageOf, restart } from './deflate/texts.mjs'
import { describeMachine, machineLine } from './lib/machine.mjs'
import { choosePeers } from './lib/peers.mjs'
import { runProgram } from './lib/program.mjs'
import { withCompression } from './lib/publication.mjs'
import { table } from './lib/report.mjs'

const HELP = `npm run bench:deflate -- [options] [area ...]

Areas (default: all of them; under 5 minutes, with --quick under 40 seconds):
  codecs     CPU to deflate and to inflate a message, and octets on the wire
  memory     octets held by each of many connections
  windows    octets on the wire by window size, of documents
  broadcast  CPU to deflate one message for many connections
  calls      longest calls: how long the event loop is kept from other things
  timer      how late a timer of 1 ms is beside a message of 64 MiB

Options:
  --quick        fewer texts and rounds
  --out DIR      write deflate.md, deflate.json and, of codecs, deflate.svg there
  --readme FILE  write the summary between the markers that are in it
  --publish      both: doc/bench/ and README.md
  --from FILE    no measurement: texts and chart of a deflate.json
  --help`

const QUICK = process.argv.includes('--quick')
/** Before each measurement, and never where the tables go. */
const progress = (text) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`)
const CONNECTIONS = 16
const HELD_CONNECTIONS = 1000

const cpu = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Each message goes over one connection of several in turn, so that no predictor sees the same one again soon. */
async function measure(open, messages, rounds) {
  const connections = Array.from({ length: CONNECTIONS }, () => open(15))
  const deflated = []
  const best = { deflate: Infinity, inflate: Infinity }
  let octets = 0
  for (let round = 0; round < rounds; round++) {
    octets = 0
    let start = cpu()
    for (const [i, message] of messages.entries()) {
      const result = connections[i % CONNECTIONS].deflate(message)
      deflated[i] = result instanceof Promise ? await result : result
      octets += deflated[i].length
    }
    best.deflate = Math.min(best.deflate, (cpu() - start) / messages.length)
    start = cpu()
    for (let i = 0; i < messages.length; i++) {
      const result = connections[i % CONNECTIONS].inflate(deflated[i])
      if (result instanceof Promise) await result
    }
    best.inflate = Math.min(best.inflate, (cpu() - start) / messages.length)
  }
  for (const connection of connections) connection.close()
  return { ...best, octets: octets / messages.length }
}

const lengthName = (length) => (length < 1024 ? `${length} B` : `${length / 1024} KiB`)

async function codecs(chart) {
  const names = Object.keys(IMPLEMENTATIONS)
  const rows = [['µs to deflate + to inflate, octets left', ...names]]
  for (const length of QUICK ? [1024] : [256, 1024, 8192, 65536]) {
    for (const kind of QUICK ? ['chat', 'market'] : Object.keys(KINDS)) {
      // more for each connection than its window holds: the rounds are of the same messages
      const messages = Array.from({ length: Math.max(32, 800_000 / length) }, () => messageOf(kind, length))
      const group = `${KINDS[kind]}, ${lengthName(length)}`
      const row = [group]
      for (const peer of names) {
        progress(`codecs: ${group}, ${peer}`)
        const { deflate, inflate, octets } = await measure(IMPLEMENTATIONS[peer], messages, QUICK ? 3 : 5)
        const share = `${((octets / length) * 100).toFixed(1)} %`
        row.push(`${deflate.toFixed(1)} + ${inflate.toFixed(1)}, ${share}`)
        const label = `${(deflate + inflate).toFixed(1)} µs, ${share} of its octets`
        if (length === 1024) chart.push({ group, peer, value: deflate + inflate, label })
      }
      rows.push(row)
    }
  }
  return [
    'CPU of a message, and octets on the wire',
    `Messages over ${CONNECTIONS} connections in turns, with context takeover, window of 15 bits, level 6. The best of ${QUICK ? 3 : 5} rounds.`,
    rows
  ]
}

/** Octets of memory that each of many connections holds after `count` messages of 1 KiB each way. */
async function held(open, count, windowBits) {
  const messages = Array.from({ length: count }, () => messageOf('chat', 1024))
  const connections = []
  const add = async (number) => {
    for (let i = 0; i < number; i++) {
      const connection = open(windowBits)
      connections.push(connection)
      for (const message of messages) await connection.inflate(await connection.deflate(message))
    }
    globalThis.gc()
  }
  // what is there once, and what the first messages leave
  await add(200)
  const before = process.memoryUsage().rss
  await add(HELD_CONNECTIONS)
  const octets = (process.memoryUsage().rss - before) / HELD_CONNECTIONS
  for (const connection of connections) connection.close()
  return octets
}

/** `held` in a process of its own: what one lets go of is not what another takes again. In KiB. */
function heldApart(...parameters) {
  progress(`memory: ${parameters.join(', ')}`)
  const flags = ['--expose-gc', import.meta.filename, '--held', ...parameters.map(String)]
  const { stdout, status } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the process that measures the memory of ${parameters[0]} failed`)
  return (Number(stdout) / 1024).toFixed(1)
}

async function memory() {
  const rows = [['KiB per connection, both directions', 'after 10 messages', ...(QUICK ? [] : ['after 64 messages'])]]
  for (const name of Object.keys(IMPLEMENTATIONS)) {
    rows.push([name, ...(QUICK ? [10] : [10, 64]).map((count) => heldApart(name, count, 15))])
  }
  return [
    'Memory of a connection',
    `Growth of the resident set by ${HELD_CONNECTIONS} connections, each after messages of 1 KiB.`,
    rows
  ]
}

/** Octets and µs of CPU for each of the messages, over one connection. */
function deflateAll(name, windowBits, messages) {
  let octets = 0
  let best = Infinity
  for (let round = 0; round < 3; round++) {
    const connection = IMPLEMENTATIONS[name](windowBits)
    octets = 0
    const start = cpu()
    for (const message of messages) octets += connection.deflate(message).length
    best = Math.min(best, cpu() - start)
    connection.close()
  }
  return { octets: octets / messages.length, us: best / messages.length }
}

async function windows() {
  const bits = QUICK ? [15, 13, 12, 11] : [15, 14, 13, 12, 11, 10]
  const rows = [['octets of a message, µs to deflate it', ...bits.map((n) => `${n} bits`)]]
  const texts = (length) => ({
    'JSON, chat': Array.from({ length: 400 }, () => messageOf('chat', length)),
    'JSON, market data': Array.from({ length: 400 }, () => messageOf('market', length)),
    HTML: Array.from({ length: 400 }, () => messageOf('html', length)),
    ...documents(length)
  })
  for (const length of QUICK ? [1024] : [256, 1024, 8192]) {
    for (const [text, messages] of Object.entries(texts(length))) {
      progress(`windows: ${text}, ${lengthName(length)}`)
      for (const name of ['hybi', 'zlib, synchronous']) {
        const results = bits.map((windowBits) => deflateAll(name, windowBits, messages))
        const [{ octets: most }] = results
        const change = (octets) =>
          octets === most ? '' : ` (${octets < most ? '' : '+'}${((octets / most - 1) * 100).toFixed(1)} %)`
        const cells = results.map(({ octets, us }) => `${octets.toFixed(0)}${change(octets)}, ${us.toFixed(1)} µs`)
        rows.push([`${text}, ${lengthName(length)}: ${name}`, ...cells])
      }
    }
  }
  if (!QUICK)
    rows.push(['KiB per connection after 64 KiB each way: hybi', ...bits.map((windowBits) => heldApart('hybi', 64, windowBits))])
  return ['Octets on the wire by window size', 'With context takeover, level 6; in brackets against 15 bits.', rows]
}

/** µs and octets for each of `deflaters`, one after the other, with messages that `textFor` chooses. */
function sendAround(deflaters, rounds, textFor) {
  let best = Infinity
  let octets = 0
  for (let round = 0; round < rounds; round++) {
    octets = 0
    const start = cpu()
    for (let k = 0; k < 16; k++) {
      for (const [i, deflater] of deflaters.entries()) octets += deflater.deflate(textFor(round * 16 + k, i), true, () => {}).length
    }
    // by then the messages have filled the window
    if (round > 1) best = Math.min(best, (cpu() - start) / 16 / deflaters.length)
  }
  return `${best.toFixed(1)} µs, ${(octets / 16 / deflaters.length).toFixed(0)}`
}

async function broadcast() {
  const codec = wasm()
  const WAYS = {
    'the same, to new connections': {},
    'the same, other messages before': { before: true },
    'the same and others in turns': { before: true, between: true },
    'each its own': { own: true }
  }
  const rows = [['for each connection, octets', ...Object.keys(WAYS)]]
  const cases = QUICK
    ? [
        [1024, 100],
        [32_768, 100]
      ]
    : [
        [1024, 10],
        [1024, 100],
        [1024, 1000],
        [8192, 100],
        [16_384, 100],
        [32_768, 100],
        [65_536, 100]
      ]
  for (const [length, count] of cases) {
    const texts = Array.from({ length: 64 }, (_, i) => messageOf(i % 2 ? 'chat' : 'market', length))
    for (const noContextTakeover of [false, true]) {
      const row = [`${lengthName(length)} to ${count}, ${noContextTakeover ? 'no takeover' : 'takeover'}`]
      progress(`broadcast: ${row[0]}`)
      for (const { before = false, between = false, own = false } of Object.values(WAYS)) {
        const open = (_, i) => {
          const deflater = codec.createDeflater({ windowBits: 15, noContextTakeover, zlib: undefined })
          if (before) deflater.deflate(Buffer.from(`hello ${i}`), true, () => {})
          return deflater
        }
        const deflaters = Array.from({ length: count }, open)
        const textFor = (number, i) => texts[(number + (own || (between && number % 2) ? i * 7 : 0)) % texts.length]
        row.push(sendAround(deflaters, length > 8192 ? 3 : 4, textFor))
        for (const deflater of deflaters) deflater.close()
      }
      rows.push(row)
    }
  }
  return [
    'One message to many connections',
    'To one connection after the other. In turns means that every other message of a connection is its own; µs and octets are of both.',
    rows
  ]
}

/**
 * Longest step of a large message in ms: of each step the shortest of several rounds, so that it is the codec's time and not the
 * machine's.
 */
function longestStep(rounds, run) {
  const steps = []
  for (let round = 0; round < rounds; round++) {
    for (const [i, ms] of run().entries()) steps[i] = Math.min(steps[i] ?? Infinity, ms)
  }
  return Math.max(...steps)
}

async function calls() {
  const rows = [['longest call in ms: deflate, inflate', '8 KiB', '64 KiB', '4 MiB']]
  const waiting = []
  const codec = wasm((callback) => waiting.push(callback))
  const history = Array.from({ length: 40 }, () => messageOf('chat', 8000))
  const drain = (first) => {
    const steps = []
    let step = first
    do {
      const start = performance.now()
      step()
      steps.push(performance.now() - start)
      step = waiting.shift()
    } while (step !== undefined)
    return steps
  }
  for (const kind of QUICK ? ['dna'] : ['dna', 'noise', 'market', 'html']) {
    const whole = messageOf(kind, 4 * 1024 * 1024)
    for (const level of QUICK ? [6, 9] : [1, 6, 7, 9]) {
      const row = [`${kind}, level ${level}`]
      progress(`calls: ${row[0]}`)
      for (const length of [8192, 65536, whole.length]) {
        const message = whole.subarray(0, length)
        let round = 0
        const zlib = { level }
        let compressed = null
        const keep = (result) => (compressed = result ?? compressed)
        const deflating = longestStep(8, () => {
          const deflater = codec.createDeflater({ windowBits: 15, noContextTakeover: false, zlib })
          deflater.deflate(history[round++], true, () => {})
          const steps = drain(() => keep(deflater.deflate(message, true, (_, octets) => keep(octets))))
          deflater.close()
          return steps
        })
        const alone = codec.createDeflater({ windowBits: 15, noContextTakeover: true, zlib })
        keep(null)
        drain(() => keep(alone.deflate(message, true, (_, octets) => keep(octets))))
        const inflating = longestStep(8, () => {
          const inflater = codec.createInflater({ windowBits: 15, noContextTakeover: true, zlib: undefined })
          return drain(() => inflater.inflate(compressed, true, Infinity, () => {}))
        })
        row.push(`${deflating.toFixed(2)}, ${inflating.toFixed(2)}`)
      }
      rows.push(row)
    }
  }
  return ['Longest calls', 'What a large message takes between two pauses; DNA is the worst text found for the search.', rows]
}

async function timerArea() {
  const { timer } = await import('./deflate/timer.mjs')
  const repeated = (kind) => (length) => {
    const piece = messageOf(kind, 4 * 1024 * 1024)
    return Buffer.concat(Array.from({ length: length / piece.length }, () => piece))
  }
  const texts = { 'market data': repeated('market'), ...(QUICK ? {} : { noise: repeated('noise'), DNA: repeated('dna') }) }
  return [
    'A timer of 1 ms beside a large message',
    'How late it was at most, in each round, while the message went from send to the peer, and while it came back. What is late beside nothing, or without compression, is the machine, the memory of the message and the socket.',
    await timer(texts, QUICK ? 1 : 3, (text) => progress(`timer: ${text}`))
  ]
}

const AREAS = { codecs, memory, windows, broadcast, calls, timer: timerArea }

/** What of the command line is looked at here. */
function parse() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      out: { type: 'string' },
      readme: { type: 'string' },
      from: { type: 'string' },
      publish: { type: 'boolean' },
      held: { type: 'boolean' },
      help: { type: 'boolean' }
    }
  })
  const root = (name) => path.join(import.meta.dirname, '..', name)
  if (values.publish) Object.assign(values, { out: root('doc/bench'), readme: root('README.md') })
  return { values, positionals }
}

async function run(areas) {
  for (const area of areas)
    if (!Object.hasOwn(AREAS, area)) throw new Error(`there is no area ${area}; there are ${Object.keys(AREAS).join(', ')}`)
  const machine = describeMachine(choosePeers(['ws', 'hybi']))
  const chart = []
  const results = {}
  for (const area of areas) {
    restart()
    const [title, note, rows] = await AREAS[area](chart)
    if (process.stderr.isTTY) progress('')
    results[area] = { title, note, rows }
  }
  return { machine, chart, results }
}

const markdown = ({ machine, results }) =>
  [
    '# Compression by itself',
    `${machineLine(machine)}. Measured with \`npm run bench:deflate\`.`,
    ...Object.values(results).map(({ title, note, rows }) => `## ${title}\n\n${note}\n\n${table(rows)}`)
  ].join('\n\n')

async function main() {
  const { values, positionals } = parse()
  if (values.help) return console.log(HELP)
  if (values.held) return console.log(await held(IMPLEMENTATIONS[positionals[0]], Number(positionals[1]), Number(positionals[2])))
  const { from, out, readme } = values
  const report =
    from === undefined
      ? await run(positionals.length > 0 ? positionals : Object.keys(AREAS))
      : JSON.parse(readFileSync(from, 'utf8'))
  console.log(markdown(report))
  if (out !== undefined) {
    mkdirSync(out, { recursive: true })
    writeFileSync(path.join(out, 'deflate.md'), `${markdown(report)}\n`)
    writeFileSync(path.join(out, 'deflate.json'), `${JSON.stringify(report, null, 1)}\n`)
    if (report.chart.length > 0) await drawChart(report, out)
  }
  if (readme !== undefined) writeFileSync(readme, withCompression(readFileSync(readme, 'utf8'), report))
}

async function drawChart({ machine, chart }, out) {
  const { bars, draw } = await import('./lib/chart-shapes.mjs')
  const title = 'Compression of a message of 1 KiB: CPU to deflate and inflate it'
  const note = 'With context takeover, window of 15 bits, level 6; beside the time, what goes over the wire. Less is better.'
  writeFileSync(path.join(out, 'deflate.svg'), await draw(title, note, machine, bars(chart, { axis: 'µs' })))
}

await runProgram('bench', main)
