// Closes connections that nobody uses, and those that are old, so that clients are spread anew over the servers of a fleet.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  // In earnest, minutes and hours
  idleTimeout: 400,
  maxLifetime: { limit: 2_000, spread: 500 }
})
await once(wss, 'listening')

function connect(name) {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
  ws.on('error', console.error)
  ws.on('close', (code, reason) => console.log(`${name}: ${code} ${reason}`))
  return ws
}

const busy = connect('the busy one')
connect('the idle one')

const talk = setInterval(() => busy.readyState === WebSocket.OPEN && busy.send('still here'), 100)
await once(busy, 'close')
clearInterval(talk)
wss.close()
