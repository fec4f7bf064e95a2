// Watches all connections of a process from outside, without a line in the program: to be imported before it, or beside it.

import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { get } from 'node:http'
import WebSocket, { WebSocketServer } from 'hybi'

const side = ({ websocket }) => (websocket.url === undefined ? 'server' : 'client')

subscribe('hybi:connection', (event) => event.request && console.log(`server: accepted ${event.request.url}`))
subscribe('hybi:refused', ({ request, status }) => console.log(`server: refused ${request.url} with ${status}`))
subscribe('hybi:message', (event) => console.log(`${side(event)}: received ${event.length} octets`))
subscribe('hybi:error', (event) => console.log(`${side(event)}: ${event.error.message}`))
subscribe('hybi:close', (event) => side(event) === 'server' && console.log(`server: closed by ${event.cause}, ${event.code}`))

// The program
const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/chat' })
await once(wss, 'listening')
const { port } = wss.address()
wss.on('connection', (ws) => {
  ws.on('error', () => {})
  ws.on('message', () => ws.close(1000))
})

const headers = { Connection: 'Upgrade', Upgrade: 'websocket' }
await once(get({ host: '127.0.0.1', port, path: '/other', headers }), 'response')

const client = new WebSocket(`ws://127.0.0.1:${port}/chat`)
await once(client, 'open')
client.send('grüße')
await once(client, 'close')
wss.close()
