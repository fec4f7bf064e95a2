// Sends no faster than the other side reads: a file of any size would need no more memory than the mark.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, highWaterMark: 256 * 1024 })
await once(wss, 'listening')

wss.on('connection', async (ws) => {
  ws.on('error', console.error)
  let most = 0
  let waits = 0
  for (let i = 0; i < 1000; i++) {
    ws.send(Buffer.alloc(64 * 1024, i))
    most = Math.max(most, ws.bufferedAmount)
    if (ws.writableNeedDrain) {
      waits++
      // Rejects if the client goes: then there is nobody to send to
      const isThere = await ws.drained().then(
        () => true,
        () => false
      )
      if (!isThere) return
    }
  }
  console.log(`waited: ${waits > 0}; more than the mark and one message waited: ${most > 320 * 1024 + 16}`)
  ws.close(1000)
})

const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
client.on('error', console.error)
await once(client, 'open')
let octets = 0
for await (const message of client) {
  octets += message.length
  // A slow reader
  if (octets % (8 * 1024 * 1024) === 0) await new Promise((resolve) => setTimeout(resolve, 5))
}
console.log(`received ${octets / 1024 / 1024} MiB`)
wss.close()
