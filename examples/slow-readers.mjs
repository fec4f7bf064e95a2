// A feed for readers of whom some are slow: what they cannot take is dropped, message by message, and nobody's memory grows.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, maxBufferedAmount: 1024 * 1024, overflow: 'drop' })
await once(wss, 'listening')

async function connect() {
  const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
  client.on('error', console.error)
  const [[server]] = await Promise.all([once(wss, 'connection'), once(client, 'open')])
  server.on('error', console.error)
  return { client, server }
}

const fast = await connect()
const slow = await connect()
slow.client.pause()

let received = 0
fast.client.on('message', () => received++)
for (let i = 0; i < 400; i++) {
  for (const ws of wss.clients) ws.send(Buffer.alloc(64 * 1024, i))
  await fast.server.drained()
}
// Behind all messages
fast.client.once('pong', () => {
  console.log(`the fast one: ${received} received, ${fast.server.droppedMessages} dropped`)
  console.log(
    `the slow one: some dropped: ${slow.server.droppedMessages > 0}, still open: ${slow.server.readyState === WebSocket.OPEN}`
  )
  for (const { client } of [fast, slow]) client.terminate()
  wss.close()
})
fast.client.ping()
