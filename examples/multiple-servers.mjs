// Two WebSocket servers behind one HTTP server, told apart by the request's path.

import { once } from 'node:events'
import { createServer } from 'node:http'
import WebSocket, { WebSocketServer } from 'hybi'

const server = createServer()
const lower = new WebSocketServer({ noServer: true })
const upper = new WebSocketServer({ noServer: true })

lower.on('connection', (ws) => {
  ws.on('error', console.error)
  ws.on('message', (data) => ws.send(data.toString().toLowerCase()))
})

upper.on('connection', (ws) => {
  ws.on('error', console.error)
  ws.on('message', (data) => ws.send(data.toString().toUpperCase()))
})

const servers = new Map([
  ['/lower', lower],
  ['/upper', upper]
])

server.on('upgrade', (request, socket, head) => {
  // Not `new URL(...)`: a stranger may ask for `//` or `http://[`, which it throws at.
  const wss = servers.get(request.url.split('?', 1)[0])

  if (wss) {
    wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request))
  } else {
    // handleUpgrade did not take the socket over: its errors are ours.
    socket.on('error', console.error)
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
  }
})

server.listen(0, '127.0.0.1')
await once(server, 'listening')

for (const path of ['/lower', '/upper', '/other']) {
  const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}${path}`)
  ws.on('error', (error) => console.log(`${path}: ${error.message}`))
  ws.on('open', () => ws.send('Hello'))
  ws.on('message', (data) => {
    console.log(`${path}: ${data}`)
    ws.close()
  })
  // Not once(ws, 'close'): that one rejects when 'error' comes first.
  await new Promise((resolve) => ws.on('close', resolve))
}

server.close()
