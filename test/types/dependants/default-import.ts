// The manner of most ES modules: the default export with names beside it.
import WebSocket, { WebSocketServer, createWebSocketStream, type ServerOptions } from 'ws'

const start = (options: ServerOptions): WebSocketServer => new WebSocketServer(options)
const wss = start({ port: 0 })

function broadcast(sender: WebSocket | undefined, message: WebSocket.RawData, binary: boolean): void {
  wss.clients.forEach(function each(client) {
    if (client !== sender && client.readyState === WebSocket.OPEN) client.send(message, { binary })
  })
}

wss.on('connection', function connection(ws) {
  ws.on('message', (message, isBinary) => broadcast(ws, message, isBinary))
  ws.on('close', broadcast.bind(null, undefined, Buffer.alloc(0), true))
})

const options: WebSocket.ClientOptions = { perMessageDeflate: false }
const duplex = createWebSocketStream(new WebSocket('ws://localhost', options))
duplex.write('x')

const states: Record<number, string> = { [WebSocket.CONNECTING]: 'connecting', [WebSocket.OPEN]: 'open' }
let current: WebSocket['readyState'] = WebSocket.CONNECTING
current = duplex.destroyed ? WebSocket.CLOSED : WebSocket.CLOSING
console.log(states[current])
