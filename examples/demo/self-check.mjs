// What the library does on this machine: a client and a server in this process echo over loopback, once per set of kernels.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

const WARM_UP_MS = 50
/** Rounds of a load, in each of which every set has its turn: what else the machine does then meets all sets. */
const ROUNDS = 5
const ROUND_MS = 24
/** Longest that one round may take before the check counts as failed. */
const LIMIT_MS = 5_000
/** Different messages of a load; replies must come back in the order in which they were sent. */
const VARIANTS = 8

const LOADS = [
  { title: 'text, 64 B', payloads: variants(() => randomBytes(32).toString('hex')), inFlight: 64 },
  { title: 'text, 1 KiB', payloads: variants(() => randomBytes(512).toString('hex')), inFlight: 32 },
  { title: 'binary, 64 KiB', payloads: variants(() => randomBytes(64 * 1024)), inFlight: 4 }
]

/**
 * Runs every load with the WASM and the JS kernels and compares each reply with what was sent.
 * @returns lines of text for the terminal; throws where a reply is wrong or missing
 */
export async function selfCheck({ WebSocket, WebSocketServer, kernels }) {
  const names = ['wasm', 'js'].filter((name) => kernels.available.includes(name))
  const pairs = await Promise.all(names.map((name) => openPair({ WebSocket, WebSocketServer }, name)))
  const rows = names.map((name) => [name])
  try {
    for (const load of LOADS) {
      const rates = await measure(pairs, load)
      rates.forEach((rate, index) => rows[index].push(`${Math.round(rate).toLocaleString('en')}/s`))
    }
  } finally {
    for (const { client, server } of pairs) {
      client.terminate()
      server.close()
    }
  }
  if (!names.includes('wasm')) rows.push(['wasm', 'not available here'])
  return [
    'Self-check over loopback, messages echoed a second (client and server share this process):',
    ...table([['kernels', ...LOADS.map((load) => load.title)], ...rows])
  ]
}

/** An echo server and a client connected to it, both with one set of kernels. */
async function openPair({ WebSocket, WebSocketServer }, kernels) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, kernels })
  server.on('connection', (ws) => ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary })))
  await once(server, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { perMessageDeflate: false, kernels })
  await once(client, 'open')
  return { client, server }
}

/** Median rate of each pair. */
async function measure(pairs, load) {
  for (const { client } of pairs) await echoRate(client, load, WARM_UP_MS)
  const rates = pairs.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { client }] of pairs.entries()) rates[index].push(await echoRate(client, load, ROUND_MS))
  }
  return rates.map((values) => values.sort((a, b) => a - b)[ROUNDS >> 1])
}

/** Messages echoed a second, with `inFlight` of them on their way until `durationMs` are over. */
function echoRate(client, { payloads, inFlight }, durationMs) {
  const expected = payloads.map((payload) => Buffer.from(payload))
  return new Promise((resolve, reject) => {
    const began = performance.now()
    let sent = 0
    let received = 0
    const limit = setTimeout(() => finish(new Error(`${sent - received} replies are missing`)), LIMIT_MS)

    function sendNext() {
      client.send(payloads[sent++ % VARIANTS])
    }

    function onMessage(data, isBinary) {
      const index = received++ % VARIANTS
      if (isBinary !== (typeof payloads[index] !== 'string') || !expected[index].equals(data)) {
        finish(new Error(`reply ${received} is not what was sent`))
      } else if (performance.now() - began < durationMs) {
        sendNext()
      } else if (received === sent) {
        finish(null)
      }
    }

    function onClose(code) {
      finish(new Error(`the connection was closed with ${code}`))
    }

    function finish(error) {
      clearTimeout(limit)
      client.off('message', onMessage)
      client.off('close', onClose)
      client.off('error', finish)
      if (error) reject(error)
      else resolve((received / (performance.now() - began)) * 1_000)
    }

    client.on('message', onMessage)
    client.on('close', onClose)
    client.on('error', finish)
    for (let i = 0; i < inFlight; i++) sendNext()
  })
}

function variants(create) {
  return Array.from({ length: VARIANTS }, create)
}

/** Rows as lines, first column to the left, all others to the right. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => {
    const cells = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
    return `  ${cells.join('   ')}`
  })
}
