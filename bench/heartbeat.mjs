// What idle connections cost with a heartbeat, and without: CPU of the server's process a second, and its octets for each connection.
//   node bench/heartbeat.mjs [--quick] [--connections N] [--interval MS] [--seconds S]

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Child } from './lib/child.mjs'
import { table } from './lib/report.mjs'

const PROGRAM = new URL('servers/idle.mjs', import.meta.url)
const HYBI = fileURLToPath(new URL('..', import.meta.url))

/** Clients of a process. */
const PER_PROCESS = 12_500
/** Open files of a process beside its connections, at most. */
const OTHER_FILES = 64

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    connections: { type: 'string' },
    interval: { type: 'string' },
    seconds: { type: 'string' }
  }
})
const wanted = Number(values.connections ?? (values.quick ? 1000 : 100_000))
const interval = Number(values.interval ?? (values.quick ? 1000 : 30_000))
const seconds = Number(values.seconds ?? (values.quick ? 2 : 30))

const limit = Number.parseInt(spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout, 10) || Infinity
const connections = Math.min(wanted, limit - OTHER_FILES)

const variants = [
  { name: 'hybi, no heartbeat', module: HYBI, listen: {} },
  // None is due while it is measured: what is left is the wheel
  { name: 'hybi, nothing due', module: HYBI, listen: { options: { heartbeat: { interval: 3_600_000 } } } },
  { name: 'hybi, heartbeat', module: HYBI, listen: { options: { heartbeat: { interval } } } },
  { name: 'ws, no heartbeat', module: 'ws', listen: {} },
  { name: 'ws, heartbeat by hand', module: 'ws', listen: { handmade: interval } }
]

async function measure({ module, listen }) {
  const server = new Child(PROGRAM, { args: ['server', module], execArgv: ['--expose-gc'], cpu: 0 })
  const loads = []
  try {
    const port = await server.call('listen', listen)
    const before = await server.call('memory')
    for (let from = 0; from < connections; from += PER_PROCESS) {
      const load = new Child(PROGRAM, { args: ['clients'], cpu: 1 })
      loads.push(load)
      await load.call('open', { port, from, to: Math.min(connections, from + PER_PROCESS) }, 300_000)
    }
    // Until each was pinged once, and memory of the handshakes is gone
    await sleep(interval + 2000)
    const octets = ((await server.call('memory')) - before) / connections
    for (const load of loads) await load.call('pings')
    const begin = await server.call('usage')
    await sleep(seconds * 1000)
    const end = await server.call('usage')
    let pings = 0
    for (const load of loads) pings += await load.call('pings')
    const time = end.time - begin.time
    if (end.connections !== connections) throw new Error(`${connections - end.connections} connections were lost`)
    return { octets, share: (100 * (end.cpu - begin.cpu)) / time, pings: (pings / time) * 1e6 }
  } finally {
    await Promise.all([server, ...loads].map((child) => child.stop()))
  }
}

const rows = [['', 'octets/connection', 'CPU ms/s', '% of a core', 'pings/s']]
for (const variant of variants) {
  const { octets, share, pings } = await measure(variant)
  rows.push([variant.name, octets.toFixed(0), (share * 10).toFixed(2), share.toFixed(2), pings.toFixed(0)])
}
console.log(`${connections} idle connections, pinged every ${interval / 1000} s, over ${seconds} s`)
if (connections < wanted) console.log(`(of ${wanted}, as so many files may be open: see ulimit -n)`)
console.log(`\n${table(rows)}`)
