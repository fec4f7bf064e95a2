// Measures how long a message and a ping take to the server and back.
//
//   node round-trip-time.mjs [address of an echo server]

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

let address = process.argv[2]
let wss

if (!address) {
  wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  wss.on('connection', (ws) => {
    ws.on('error', console.error)
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
  })
  await once(wss, 'listening')
  address = `ws://127.0.0.1:${wss.address().port}`
}

const ws = new WebSocket(address)
ws.on('error', console.error)
await once(ws, 'open')

async function measure(send, event) {
  const start = performance.now()
  send()
  await once(ws, event)
  return (performance.now() - start).toFixed(2)
}

for (let count = 1; count <= 3; count++) {
  console.log(`message: ${await measure(() => ws.send('how far?'), 'message')} ms`)
  // The peer answers a ping by itself: no program has to take part.
  console.log(`ping: ${await measure(() => ws.ping(), 'pong')} ms`)
}

ws.close()
wss?.close()
