import Koa from 'koa'
import websockify from 'koa-websocket'
import { WebSocket, WebSocketServer, type Server, type ServerOptions } from 'hybi'

const { ws: server } = websockify(new Koa(), { maxPayload: 1024, perMessageDeflate: true })
const sockets: WebSocket[] = []

server.use((context) => {
  sockets.push(context.websocket)
  context.websocket.once('close', (code, reason) => console.log(code, reason.toString()))
})
server.server = new WebSocketServer({ noServer: true })
server.server.on('connection', (socket, request) => server.onConnection(socket, request))
export const listening: Server = server.listen({ port: 0, clientTracking: true })
export const options: ServerOptions['maxPayload'] = listening.options.maxPayload
server.onConnection(new WebSocket(null, undefined, { autoPong: false }), {} as Parameters<typeof server.onConnection>[1])
