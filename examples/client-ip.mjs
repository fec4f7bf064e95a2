// The address of a client: that of its socket, or what a proxy in front of the server says.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')

// X-Forwarded-For is worth what its sender is worth: believe it only from proxies of your own.
const proxies = new Set(['127.0.0.1'])

function clientAddress(request) {
  const { remoteAddress } = request.socket
  const forwarded = request.headers['x-forwarded-for']
  if (!forwarded || !proxies.has(remoteAddress)) return remoteAddress
  // Each proxy appends the address it sees, so the last one is the one our own proxy saw.
  return forwarded.split(',').at(-1).trim()
}

wss.on('connection', (ws, request) => {
  ws.on('error', console.error)
  ws.send(`you are ${clientAddress(request)}`)
})

for (const headers of [{}, { 'X-Forwarded-For': '192.0.2.7' }]) {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`, { headers })
  ws.on('error', console.error)
  ws.on('message', (data) => {
    console.log(data.toString())
    ws.close()
  })
  await once(ws, 'close')
}

wss.close()
