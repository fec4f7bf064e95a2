// The manner of an application with sessions: one HTTP server, two WebSocket servers, upgrades dispatched by hand.
import * as http from 'http'
import * as https from 'https'
import type { Duplex } from 'stream'
import { WebSocket, WebSocketServer, type AddressInfo } from 'ws'

type Handler = (request: http.IncomingMessage, response: http.ServerResponse, next: (error?: unknown) => void) => void
declare const session: Handler

const users = new Map<string, WebSocket>()
const server = http.createServer((request, response) => session(request, response, () => response.end()))
const wss = new WebSocketServer({ clientTracking: false, noServer: true })
const admin = new WebSocketServer({ server: https.createServer({ key: 'key', cert: 'cert' }), path: '/admin' })

function onSocketError(error: Error): void {
  console.error(error)
}

server.on('upgrade', (request: http.IncomingMessage & { session?: { userId: string } }, socket: Duplex, head: Buffer) => {
  socket.on('error', onSocketError)
  session(request, {} as http.ServerResponse, () => {
    if (!request.session?.userId || !wss.shouldHandle(request)) {
      socket.write('HTTP/1.1 401 Unauthorized\r\n\r\n')
      socket.destroy()
      return
    }
    socket.removeListener('error', onSocketError)
    wss.handleUpgrade(request, socket, head, (ws) => {
      wss.emit('connection', ws, request, request.session)
    })
  })
})

wss.on('connection', (ws: WebSocket, request: http.IncomingMessage, client: { userId: string }) => {
  users.set(client.userId, ws)
  ws.on('error', console.error)
  ws.on('close', (code: number, reason: Buffer) => {
    if (code !== 1000) console.log(request.url, reason.toString('utf8'))
    users.delete(client.userId)
  })
})

admin.on('headers', (headers: string[], request) => headers.push(`Set-Cookie: path=${request.url}`))
admin.on('wsClientError', (error, socket, request) => {
  socket.end(`HTTP/1.1 400 ${error.message} ${request.method}\r\n\r\n`)
})
admin.once('listening', function () {
  const { port, family } = this.address() as AddressInfo
  console.log(port, family.toLowerCase())
})
