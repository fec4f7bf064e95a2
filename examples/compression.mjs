// permessage-deflate: off on a server unless asked for, on in a client.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: {
    threshold: 256, // octets; shorter messages go uncompressed where context takeover is off
    serverNoContextTakeover: true, // each message stands alone: less memory, larger messages
    clientNoContextTakeover: true,
    serverMaxWindowBits: 12, // 4 KiB of history instead of 32
    zlibDeflateOptions: { level: 3, memLevel: 7 }
  }
})
await once(wss, 'listening')

wss.on('connection', (ws, request) => {
  ws.on('error', console.error)
  const handshake = request.socket.bytesRead
  ws.on('message', (data) => {
    ws.send(`${data.length} octets, ${request.socket.bytesRead - handshake} on the wire`)
  })
})

const text = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `name ${id}`, active: id % 3 === 0 })))

async function measure(title, options, sendOptions) {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`, options)
  ws.on('error', console.error)
  await once(ws, 'open')
  ws.send(text, sendOptions)
  const [data] = await once(ws, 'message')
  console.log(`${title} (extensions: ${ws.extensions || 'none'}): ${data}`)
  ws.close()
}

await measure('compressed')
await measure('one message uncompressed', {}, { compress: false })
await measure('not offered', { perMessageDeflate: false })
wss.close()
