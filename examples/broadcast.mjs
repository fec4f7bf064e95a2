// What one client sends goes to all the others.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')

wss.on('connection', (ws) => {
  ws.on('error', console.error)
  ws.on('message', (data, isBinary) => {
    for (const client of wss.clients) {
      // Without `client !== ws` the one that sent gets it too.
      if (client !== ws && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary })
    }
  })
})

async function connect() {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
  ws.on('error', console.error)
  await once(ws, 'open')
  return ws
}

const names = ['ada', 'grace', 'joan']
const clients = await Promise.all(names.map(connect))

const received = clients.slice(1).map((ws) => once(ws, 'message'))
clients[0].send('hello, everybody')
const messages = await Promise.all(received)
messages.forEach(([data], index) => console.log(`${names[index + 1]} received: ${data}`))

for (const ws of clients) ws.close()
wss.close()
