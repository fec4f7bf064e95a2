// A client that sends too much is made to wait, or loses its connection.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

for (const action of ['pause', 'close']) {
  // Ten messages at once, and then one every 20 ms
  const rateLimit = { messages: 5, interval: 100, burst: 2, action }
  const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, rateLimit })
  let received = 0
  wss.on('connection', (ws) => {
    ws.on('error', console.error)
    ws.on('message', () => {
      if (++received === 20) ws.close(1000, 'thank you')
    })
  })
  await once(wss, 'listening')

  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
  ws.on('error', console.error)
  await once(ws, 'open')
  for (let i = 0; i < 20; i++) ws.send(`message ${i}`)
  const [code, reason] = await once(ws, 'close')
  await wss.shutdown()
  console.log(`${action}: ${received} messages were delivered, closed with ${code} ${reason}`)
}
