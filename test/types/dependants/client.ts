// The manner of API clients: agents, headers, TLS, sockets of one's own, options of http.request.
import * as http from 'http'
import * as https from 'https'
import * as net from 'net'
import * as tls from 'tls'
import { WebSocket, type ClientOptions, type Data, type FinishRequestCallback, type RawData } from 'ws'

const finishRequest: FinishRequestCallback = (request, websocket) => {
  request.setHeader('X-State', websocket.readyState)
  request.end()
}

const options: ClientOptions = {
  agent: new https.Agent({ keepAlive: true }),
  headers: { Authorization: 'Bearer token' },
  rejectUnauthorized: false,
  ca: ['ca'],
  cert: Buffer.alloc(0),
  key: 'key',
  passphrase: 'secret',
  family: 4,
  localAddress: '127.0.0.1',
  host: 'example.com',
  protocol: 'ws:',
  protocolVersion: 13,
  origin: 'https://example.com',
  maxRedirects: 3,
  maxFragments: 100,
  maxBufferedChunks: 100,
  skipUTF8Validation: true,
  autoPong: false,
  generateMask: (mask) => mask.fill(0),
  checkServerIdentity: () => true,
  finishRequest
}

new WebSocket('wss://example.com', options)
new WebSocket(new URL('wss://example.com'), 'chat', { ...options, createConnection: net.createConnection })
new WebSocket('wss://example.com', { agent: new http.Agent(), createConnection: () => net.connect(80) })
new WebSocket('wss://example.com', { createConnection: tls.connect as typeof net.connect })
const connect = (to: net.NetConnectOpts | number | string): net.Socket =>
  typeof to === 'object' ? net.connect(to) : net.connect(+to)
new WebSocket('wss://example.com', { createConnection: connect, perMessageDeflate: true })
const tunnel = (to: http.ClientRequestArgs): net.Socket => net.connect({ host: to.host ?? 'localhost', port: Number(to.port) })
new WebSocket('wss://example.com', { createConnection: tunnel })
new WebSocket('wss://example.com', { agent: false, auth: 'user:password', timeout: 1000, headers: { Cookie: ['a=1', 'b=2'] } })
const requestOptions: http.RequestOptions = { headers: { 'X-Number': 1 }, lookup: undefined }
new WebSocket('wss://example.com', undefined, requestOptions)
const either: ClientOptions | http.ClientRequestArgs | undefined = undefined
new WebSocket('wss://example.com', [], either)

class Client {
  private socket: WebSocket | null = null
  private readonly queue: Data[] = []

  connect(...args: ConstructorParameters<typeof WebSocket>): void {
    this.socket = new WebSocket(...args)
    this.socket
      .on('open', () => {
        for (const data of this.queue) this.socket?.send(data)
      })
      .on('message', (data, isBinary) => this.receive(data, isBinary))
      .on('redirect', (url, request) => {
        request.removeHeader('authorization')
        console.log(url.length)
      })
      .on('error', (error: NodeJS.ErrnoException) => console.log(error.code, error.syscall))
      .on('error', this.fail)
      .on('custom', (anything) => console.log(anything))
    this.socket
      .off('error', this.fail)
      .removeListener('close', this.fail)
      .addListener('ping', (data) => data.readInt8(0))
    this.socket.ping('x', true, (error: Error) => console.log(error))
    this.socket.pong(Buffer.alloc(1), undefined, (error) => console.log(error))
    this.socket.send(new Uint8Array(1), { binary: true, fin: false, compress: false, mask: true }, (error?: Error) =>
      console.log(error)
    )
    this.socket.send(new DataView(new ArrayBuffer(1)))
    this.socket.send([1, 2, 3])
    this.socket.send(1)
    this.socket.send(new Blob(['x']))
  }

  private fail = (error: Error): void => console.error(error.message)

  private receive(data: RawData, isBinary: boolean): number {
    if (!isBinary) return Number(data.toString('utf8'))
    if (Array.isArray(data)) return Buffer.concat(data).length
    if (Buffer.isBuffer(data)) return data.length
    if (data instanceof ArrayBuffer) return data.byteLength
    const nothing: never = data
    return nothing
  }

  private asBuffer(data: RawData): Buffer {
    return Buffer.from(data as Buffer)
  }

  wait(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (!this.socket) return reject(new Error('Not connected'))
      this.socket.once('message', (data) => resolve(this.asBuffer(data)))
      this.socket.once('error', reject)
      this.socket.once('close', (code, reason) => reject(new Error(`${code} ${reason}`)))
    })
  }
}

new Client().connect('ws://localhost')
