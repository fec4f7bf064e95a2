// Clients are known by a token before they get a WebSocket; others get an HTTP 401.
//
// Browsers cannot set headers on a WebSocket: there, use a cookie as in express-session/.

import { once } from 'node:events'
import { createServer } from 'node:http'
import WebSocket, { WebSocketServer } from 'hybi'

const users = new Map([['Bearer 5f3c', 'ada']])

/** Stands for a look-up in a database. */
async function authenticate(request) {
  return users.get(request.headers.authorization)
}

const server = createServer()
const wss = new WebSocketServer({ noServer: true })

wss.on('connection', (ws, request, user) => {
  ws.on('error', console.error)
  ws.on('message', (data) => ws.send(`${user} says ${data}`))
})

server.on('upgrade', async (request, socket, head) => {
  // Until handleUpgrade takes the socket over, its errors are ours.
  socket.on('error', console.error)
  const refuse = (status) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)

  let user
  try {
    user = await authenticate(request)
  } catch (error) {
    console.error(error)
    return refuse('500 Internal Server Error')
  }
  if (!user) return refuse('401 Unauthorized')

  socket.off('error', console.error)
  wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request, user))
})

server.listen(0, '127.0.0.1')
await once(server, 'listening')

for (const authorization of ['Bearer 5f3c', 'Bearer guessed']) {
  const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { headers: { authorization } })
  ws.on('error', (error) => console.log(`${authorization}: ${error.message}`))
  ws.on('open', () => ws.send('hello'))
  ws.on('message', (data) => {
    console.log(`${authorization}: ${data}`)
    ws.close()
  })
  // Not once(ws, 'close'): that one rejects when 'error' comes first.
  await new Promise((resolve) => ws.on('close', resolve))
}

server.close()
