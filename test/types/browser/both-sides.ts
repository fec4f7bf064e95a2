// Code that is bundled for browsers and runs on Node as well: it compiles under both conditions.
import WebSocket, {
  WebSocketServer,
  createWebSocketStream,
  extension,
  kernels,
  PerMessageDeflate,
  Receiver,
  Sender,
  subprotocol,
  type ClientOptions,
  type CloseEvent,
  type ErrorEvent,
  type Event,
  type MessageEvent,
  type RawData,
  type ServerOptions
} from 'hybi'

declare const isNode: boolean

export class Client {
  readonly #options: ClientOptions
  #socket?: WebSocket

  constructor(
    options: ClientOptions = { handshakeTimeout: 1_000, headers: { Authorization: 'Bearer token' }, perMessageDeflate: false }
  ) {
    this.#options = options
  }

  connect(address: string, protocols: string[] = []): WebSocket {
    const ws = isNode ? new WebSocket(address, protocols, this.#options) : new WebSocket(address, protocols)
    new WebSocket(address, this.#options).terminate()
    ws.on('open', () => ws.send('hello', { compress: false }, (error) => console.log(error?.message)))
    ws.on('message', (data: RawData, isBinary) => console.log(isBinary, data.toString()))
    ws.on('close', (code, reason) => console.log(code.toFixed(), reason.toString()))
    ws.on('error', (error) => console.error(error.code, error.message))
    ws.on('unexpected-response', (_request, response) => console.log(response.statusCode))
    ws.on('pong', () => console.log('still there'))
    ws.onmessage = (event: MessageEvent) => console.log(typeof event.data === 'string' ? event.data : event.type)
    ws.onclose = (event: CloseEvent) => console.log(event.code, event.reason, event.wasClean)
    ws.onerror = (event: ErrorEvent) => console.log(event.message, event.error)
    ws.onopen = (event: Event) => console.log(event.type)
    ws.addEventListener('message', (event) => console.log(event.data), { once: true })
    if (isNode) ws.ping()
    this.#socket = ws
    return ws
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN && !this.#socket.isPaused
  }
}

export function serve(options: ServerOptions): WebSocketServer {
  if (!isNode) throw new Error(`No server here: ${kernels.available.length} kernels`)
  const wss = new WebSocketServer({ ...options, WebSocket, clientTracking: true })
  wss.on('connection', (ws, request) => {
    console.log(request.url)
    createWebSocketStream(ws).pipe(createWebSocketStream(ws))
  })
  for (const client of wss.clients) client.close(1001)
  return wss
}

export const parts = [Receiver, Sender, PerMessageDeflate, extension.parse('a'), subprotocol.parse('a')]
