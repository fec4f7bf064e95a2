// WebSockets over TLS, on an HTTPS server that answers ordinary requests too.
//
// The certificate is self-signed and made for this example alone:
//   openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
//     -keyout key.pem -out cert.pem

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, get } from 'node:https'
import WebSocket, { WebSocketServer } from 'hybi'

const cert = readFileSync(new URL('certificates/cert.pem', import.meta.url))
const key = readFileSync(new URL('certificates/key.pem', import.meta.url))

const server = createServer({ cert, key }, (request, response) => response.end('an ordinary page\n'))
const wss = new WebSocketServer({ server })

wss.on('connection', (ws, request) => {
  ws.on('error', console.error)
  ws.send(`hello over ${request.socket.getProtocol()}`)
})

server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address()

// `ca` trusts the self-signed certificate; one from a known authority needs no such option.
const [response] = await once(get(`https://localhost:${port}/`, { ca: cert, agent: false }), 'response')
console.log('HTTPS: %s', (await response.setEncoding('utf8').toArray()).join('').trim())

const ws = new WebSocket(`wss://localhost:${port}/`, { ca: cert })
ws.on('error', console.error)
const [message] = await once(ws, 'message')
console.log('WSS: %s', message)

ws.close()
server.close()
