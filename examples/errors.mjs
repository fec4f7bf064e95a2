// What can go wrong, and where it is reported. The rule: every server, every WebSocket and every raw socket has an 'error' listener.

import { once } from 'node:events'
import { request } from 'node:http'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 1024 })

// 1. The server cannot listen, say because its port is in use.
wss.on('error', (error) => console.log(`server: ${error.message}`))

// 2. A request is no proper opening handshake. Without a listener it is answered with an HTTP error by itself.
wss.on('wsClientError', (error, socket) => {
  console.log(`server: refused a request: ${error.message}`)
  socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
})

// 3. A peer breaks the protocol or a limit. 'close' follows.
wss.on('connection', (ws) => {
  ws.on('error', (error) => console.log(`server: ${error.code}: ${error.message}`))
})

await once(wss, 'listening')
const { port } = wss.address()

const upgrade = request({ port, host: '127.0.0.1', headers: { Connection: 'Upgrade', Upgrade: 'websocket' } })
const [response] = await once(upgrade.end(), 'response')
console.log(`client: HTTP ${response.statusCode} for a request without a key`)

const ws = new WebSocket(`ws://127.0.0.1:${port}`)
ws.on('error', (error) => console.log(`client: ${error.message}`))

// 4. A caller's mistake throws at once; the connection is as it was.
try {
  ws.send('too early')
} catch (error) {
  console.log(`client: ${error.message}`)
}
await once(ws, 'open')
try {
  ws.close(1005)
} catch (error) {
  console.log(`client: ${error.name}: ${error.message}`)
}

// 5. The server refuses a message that is too large. The client learns why from the close code.
const closed = once(ws, 'close')
ws.send('x'.repeat(1025))
const [code] = await closed
console.log(`client: closed with ${code}`)

// 6. After that nothing can be sent: the callback is told.
ws.send('too late', (error) => console.log(`client: ${error.message}`))

// 7. Nobody listens there: 'error', then 'close' with 1006.
wss.close()
await once(wss, 'close')
const late = new WebSocket(`ws://127.0.0.1:${port}`)
late.on('error', (error) => console.log(`client: ${error.code}`))
late.on('close', (code) => console.log(`client: closed with ${code}`))
