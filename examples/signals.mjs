// An AbortSignal ends the waiting: to be connected, to be closed, and to be through with what was sent.

import { once } from 'node:events'
import net from 'node:net'
import WebSocket, { WebSocketServer } from 'hybi'

// A server that never answers
const silent = net.createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
await once(silent, 'listening')
const lost = new WebSocket(`ws://127.0.0.1:${silent.address().port}`, { signal: AbortSignal.timeout(50) })
lost.on('error', (error) => console.log(`connecting: ${error.name}`))
await new Promise((resolve) => lost.on('close', resolve))
silent.close()

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')
const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
client.on('error', console.error)
const [[server]] = await Promise.all([once(wss, 'connection'), once(client, 'open')])
server.on('error', console.error)

// A client that reads nothing
client.pause()
while (!server.writableNeedDrain) server.send(Buffer.alloc(1024 * 1024))
await server.drained({ signal: AbortSignal.timeout(50) }).catch((error) => console.log(`sending: ${error.name}`))

server.close(1000, 'enough', { signal: AbortSignal.timeout(50) })
const [code] = await once(server, 'close')
console.log(`closing: ${code}`)
client.terminate()
wss.close()
