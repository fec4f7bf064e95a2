// Finds connections that broke without a word: the server pings clients that are silent and drops those that do not answer, and a client
// gives up when the pings stop. Measures how far away the clients are.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

// In earnest, rather `heartbeat: true`: 30 and 10 seconds
const heartbeat = { interval: 500, timeout: 500 }

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, heartbeat })
await once(wss, 'listening')
const url = `ws://127.0.0.1:${wss.address().port}`

wss.on('connection', (ws) => {
  ws.on('error', console.error)
  ws.once('pong', () => console.log(`a round trip takes ${ws.latency < 500 ? 'less' : 'more'} than half a second`))
})

function connect(name, options) {
  const ws = new WebSocket(url, options)
  ws.on('error', console.error)
  ws.on('close', (code) => console.log(`${name}: closed with ${code}`))
  return ws
}

const answering = connect('the client that answers pings', { heartbeat: { expect: 5_000 } })
const silent = connect('the client that does not', { autoPong: false })

await once(silent, 'close')
console.log(`the client that answers pings: ${answering.readyState === WebSocket.OPEN ? 'still open' : 'not open'}`)
answering.close()
wss.close()
