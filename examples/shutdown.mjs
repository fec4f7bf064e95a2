// A server that ends closes its clients, waits for them, and drops those that do not answer.

import { once } from 'node:events'
import { connect } from 'node:net'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')
const { port } = wss.address()
wss.on('connection', (ws) => ws.on('error', console.error))

const clients = [new WebSocket(`ws://127.0.0.1:${port}`), new WebSocket(`ws://127.0.0.1:${port}`)]
for (const ws of clients) ws.on('error', console.error)
await Promise.all(clients.map((ws) => once(ws, 'open')))

// One that shakes hands and never answers
const silent = connect(port, '127.0.0.1')
const fields = ['Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
silent.write(`GET / HTTP/1.1\r\n${fields.join('\r\n')}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
silent.on('error', () => {})
await once(silent, 'data')

// A program does this on SIGTERM; with many clients, `spread` keeps them from all coming back at once
const shutdown = wss.shutdown({ reason: 'new version', timeout: 1000 })
for (const [code, reason] of await Promise.all(clients.map((ws) => once(ws, 'close')))) console.log(`closed: ${code} ${reason}`)
const { closed, terminated } = await shutdown
console.log(`${closed} closed, ${terminated} terminated`)
silent.destroy()
