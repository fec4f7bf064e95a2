// Who a client is, is known before it gets a WebSocket; and pages of other sites get none.

import { once } from 'node:events'
import WebSocket, { Refusal, WebSocketServer } from 'hybi'

const users = new Map([['Bearer 5f3c', { name: 'ada' }]])

const wss = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  origins: ['https://example.com'],
  maxConnections: 1000,
  // Stands for a look-up in a database, which `signal` may end
  async authenticate(request, { signal }) {
    signal.throwIfAborted()
    const { authorization } = request.headers
    if (authorization === undefined) throw new Refusal(401, { headers: { 'WWW-Authenticate': 'Bearer' } })
    return users.get(authorization)
  }
})

wss.on('connection', (ws, request, user) => {
  ws.on('error', console.error)
  ws.send(`welcome, ${user.name}`)
})
await once(wss, 'listening')

for (const [authorization, origin] of [['Bearer 5f3c'], ['Bearer guessed'], ['Bearer 5f3c', 'https://evil.example']]) {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`, { headers: { authorization }, origin })
  ws.on('error', (error) => console.log(`${authorization}: ${error.message}`))
  ws.on('message', (data) => {
    console.log(`${authorization}: ${data}`)
    ws.close()
  })
  await new Promise((resolve) => ws.on('close', resolve))
}
wss.close()
