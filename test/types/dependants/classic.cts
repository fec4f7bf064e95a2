// The manner of CommonJS in TypeScript: the class is the module, everything else hangs on it.
import http = require('http')
import WebSocket = require('ws')

const wss: WebSocket.Server = new WebSocket.Server({ server: http.createServer(), perMessageDeflate: { threshold: 512 } })
const same: WebSocket.WebSocketServer = new WebSocket.WebSocketServer({ noServer: true })

class Custom extends WebSocket {
  id = 0
}
class CustomServer extends WebSocket.Server<typeof Custom> {}

const options: WebSocket.ServerOptions<typeof Custom, typeof http.IncomingMessage> = { noServer: true, WebSocket: Custom }
new CustomServer(options).on('connection', function (ws, request) {
  ws.id = this.clients.size
  console.log(request.headers.host)
})

const listeners: { [K in keyof WebSocket.WebSocketEventMap]?: (event: WebSocket.WebSocketEventMap[K]) => void } = {
  message: (event: WebSocket.MessageEvent) => console.log(event.data),
  close: (event: WebSocket.CloseEvent) => console.log(event.code),
  error: (event: WebSocket.ErrorEvent) => console.log(event.message),
  open: (event: WebSocket.Event) => console.log(event.target === event.target, event.type)
}
const once: WebSocket.EventListenerOptions = { once: true }

wss.on('connection', (ws: WebSocket) => {
  if (listeners.message) ws.addEventListener('message', listeners.message, once)
  ws.addEventListener('close', { handleEvent: (event) => console.log(event.reason) })
  ws.onopen = listeners.open ?? null
  ws.on('message', (data: WebSocket.RawData) => {
    same.clients.forEach((client) => {
      if (client !== ws && client.readyState === WebSocket.OPEN) client.send(data)
    })
  })
})

const data: WebSocket.Data = 'text'
const certificate: WebSocket.CertMeta = [Buffer.alloc(0)]
const finish: WebSocket.FinishRequestCallback = (request) => request.end()
const verify: WebSocket.VerifyClientCallbackSync<http.IncomingMessage> = (info) => info.req.url === '/'
const verifyLater: WebSocket.VerifyClientCallbackAsync = (info, callback) => callback(info.secure)
const client: WebSocket.ClientOptions = { finishRequest: finish, perMessageDeflate: {} as WebSocket.PerMessageDeflateOptions }
const address: string | WebSocket.AddressInfo | null = wss.address()
const socket: WebSocket.WebSocket = new WebSocket.WebSocket('ws://localhost', client)
const detached: WebSocket = new WebSocket(null)
const state: 0 | 1 | 2 | 3 = socket.readyState
const stream = WebSocket.createWebSocketStream(socket, { encoding: 'utf8' })
stream.pipe(process.stdout)
console.log(data, certificate, verify, verifyLater, address, detached, state, typeof WebSocket.CLOSED)

function isServer(value: unknown): value is WebSocket.Server {
  return value instanceof WebSocket.Server
}

export = { isServer, create: (Ctor: typeof WebSocket, url: string): InstanceType<typeof WebSocket> => new Ctor(url) }
