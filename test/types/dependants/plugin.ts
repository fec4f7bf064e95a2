// The manner of a framework's plugin: both classes extended, a server of another connection and request class.
import { IncomingMessage, createServer } from 'http'
import { WebSocket, WebSocketServer, type ClientOptions, type ServerOptions } from 'ws'

class Request extends IncomingMessage {
  readonly startedAt = Date.now()
}

export class Connection extends WebSocket {
  readonly rooms = new Set<string>()

  join(room: string): this {
    this.rooms.add(room)
    return this
  }

  override close(code?: number, data?: string | Buffer): void {
    this.rooms.clear()
    super.close(code, data)
  }

  override ping(data?: any, mask?: boolean, cb?: (err: Error) => void): void {
    super.ping(data, mask, cb)
  }

  override terminate(): void {
    super.terminate()
  }
}

export class Client extends WebSocket {
  attempts = 0

  constructor(address: string | URL, protocols?: string | string[], options?: ClientOptions) {
    super(address, protocols, options)
    this.on('open', () => {
      this.attempts = 0
    })
    this.onmessage = null
  }
}

export class PluginServer extends WebSocketServer<typeof Connection, typeof Request> {
  constructor(options: ServerOptions<typeof Connection, typeof Request> = {}) {
    super({ ...options, WebSocket: Connection, server: createServer({ IncomingMessage: Request }) })
    this.on('connection', (connection, request) => {
      connection.join(`since ${request.startedAt}`).on('message', function (data) {
        this.send(data, { binary: true })
      })
    })
  }

  override shouldHandle(request: Request): boolean | Promise<boolean> {
    return request.url?.startsWith('/live') === true && super.shouldHandle(request)
  }

  broadcast(room: string, message: string): void {
    for (const connection of this.clients) if (connection.rooms.has(room)) connection.send(message)
  }
}

export class Plain extends WebSocketServer {
  override address(): ReturnType<WebSocketServer['address']> {
    return super.address()
  }
}

type Instance = InstanceType<typeof WebSocket>
const either = (ws: WebSocket | Connection | Instance): WebSocket => ws.on('message', (data) => console.log(data.toString()))
either(new Connection('ws://localhost')).once('close', (code) => code.toFixed())
