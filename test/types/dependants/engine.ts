// The manner of engine.io: the engine is an option, any class shaped like the server.
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import type { IncomingMessage } from 'http'
import type { Duplex } from 'stream'

interface EngineOptions {
  maxHttpBufferSize?: number
  perMessageDeflate?: boolean | { threshold?: number; zlibDeflateOptions?: object }
  wsEngine?: any
}

interface Engine {
  on(event: 'headers', listener: (headers: string[], request: IncomingMessage) => void): this
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, callback: (websocket: WebSocket) => void): void
  close(): void
}

export class Transport {
  private readonly engine: Engine
  readonly untyped: any

  constructor(options: EngineOptions = {}) {
    const wsOptions: ServerOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: options.perMessageDeflate,
      maxPayload: options.maxHttpBufferSize
    }
    this.engine = new WebSocketServer(wsOptions)
    this.untyped = new (options.wsEngine ?? WebSocketServer)(wsOptions)
    this.engine.on('headers', (headers, request) => headers.push(`X-Path: ${request.url}`))
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.engine.handleUpgrade(request, socket, head, (websocket) => {
      const sender = (websocket as any)._sender
      sender?.sendFrame([Buffer.from([0x81, 0])], () => websocket.removeListener('error', noop))
      websocket.on('error', noop).on('message', (data, isBinary) => this.onData(isBinary ? data : data.toString()))
      websocket.once('close', this.onClose.bind(this))
      websocket.send('0', { compress: true, binary: false }, (error) => {
        if (error) this.onClose(1006, Buffer.from(error.stack ?? ''))
      })
    })
  }

  private onData(data: string | Buffer | ArrayBuffer | Buffer[]): void {
    console.log(typeof data)
  }

  private onClose(code: number, reason: Buffer): void {
    console.log(code, reason.length)
  }
}

function noop(): void {}
