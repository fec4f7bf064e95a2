// What the library does on this machine: a client and a server in this process echo over loopback, once per set of kernels.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

const WARM_UP_MS = 30
const MEASURE_MS = 150
/** Longest that one load may take before the check counts as failed. */
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
  const rows = [['kernels', ...LOADS.map((load) => load.title)]]
  for (const set of ['wasm', 'js']) {
    if (!kernels.available.includes(set)) {
      rows.push([set, 'not available here'])
      continue
    }
    const rates = await checkSet({ WebSocket, WebSocketServer }, set)
    rows.push([set, ...rates.map((rate) => `${Math.round(rate).toLocaleString('en')}/s`)])
  }
  return ['Self-check over loopback, messages echoed a second (client and server share this process):', ...table(rows)]
}

async function checkSet({ WebSocket, WebSocketServer }, kernels) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, kernels })
  server.on('connection', (ws) => ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary })))
  await once(server, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { perMessageDeflate: false, kernels })
  try {
    await once(client, 'open')
    const rates = []
    for (const load of LOADS) rates.push(await echoRate(client, load))
    return rates
  } finally {
    client.terminate()
    server.close()
  }
}

/** Messages echoed a second with `inFlight` of them on their way at any time. */
function echoRate(client, { payloads, inFlight }) {
  const expected = payloads.map((payload) => Buffer.from(payload))
  return new Promise((resolve, reject) => {
    const began = performance.now()
    let measuredFrom = 0
    let sent = 0
    let received = 0
    let receivedBefore = 0
    let rate = 0
    const limit = setTimeout(() => finish(new Error(`${sent - received} replies are missing`)), LIMIT_MS)

    function sendNext() {
      client.send(payloads[sent++ % VARIANTS])
    }

    function onMessage(data, isBinary) {
      const index = received++ % VARIANTS
      if (isBinary !== (typeof payloads[index] !== 'string') || !expected[index].equals(data)) {
        return finish(new Error(`reply ${received} is not what was sent`))
      }
      const now = performance.now()
      if (measuredFrom === 0 && now - began > WARM_UP_MS) {
        measuredFrom = now
        receivedBefore = received
      } else if (rate === 0 && measuredFrom > 0 && now - measuredFrom > MEASURE_MS) {
        rate = ((received - receivedBefore) / (now - measuredFrom)) * 1_000
      }
      if (rate === 0) sendNext()
      else if (received === sent) finish(null)
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
      else resolve(rate)
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
