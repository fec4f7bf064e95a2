// Finds connections that broke without a word: the server pings its clients and ends those that do not answer,
// and a client ends its connection when the pings stop.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const INTERVAL_MS = 1_000 // in earnest, rather 30 seconds
const LATENCY_MS = 1_000

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')

wss.on('connection', (ws) => {
  ws.isAlive = true
  ws.on('error', console.error)
  ws.on('pong', () => (ws.isAlive = true))
})

const interval = setInterval(() => {
  for (const ws of wss.clients) {
    if (ws.isAlive) {
      ws.isAlive = false
      ws.ping()
    } else {
      // close() would wait for an answer that is not to come.
      ws.terminate()
    }
  }
}, INTERVAL_MS)

wss.on('close', () => clearInterval(interval))

function connect(name, options) {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`, options)
  let timeout

  function heartbeat() {
    clearTimeout(timeout)
    timeout = setTimeout(() => ws.terminate(), INTERVAL_MS + LATENCY_MS)
  }

  ws.on('error', console.error)
  ws.on('open', heartbeat)
  ws.on('ping', heartbeat)
  ws.on('close', (code) => {
    clearTimeout(timeout)
    console.log(`${name}: closed with ${code}`)
  })
  return ws
}

const answering = connect('the client that answers pings')
const silent = connect('the client that does not', { autoPong: false })

await once(silent, 'close')
console.log(`the client that answers pings: ${answering.readyState === WebSocket.OPEN ? 'still open' : 'not open'}`)
answering.close()
wss.close()
