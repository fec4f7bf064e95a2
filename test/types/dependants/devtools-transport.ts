// The manner of a browser automation's transport: attributes and addEventListener, a static factory.
import NodeWebSocket from 'ws'
import type { CloseEvent, ErrorEvent, MessageEvent } from 'ws'

export class NodeWebSocketTransport {
  static create(url: string, headers?: Record<string, string>): Promise<NodeWebSocketTransport> {
    return new Promise((resolve, reject) => {
      const ws = new NodeWebSocket(url, [], {
        followRedirects: true,
        perMessageDeflate: false,
        allowSynchronousEvents: false,
        maxPayload: 256 * 1024 * 1024,
        handshakeTimeout: 10_000,
        headers: { 'User-Agent': 'Automation', ...headers }
      })
      ws.addEventListener('open', () => resolve(new NodeWebSocketTransport(ws)))
      ws.addEventListener('error', reject)
      ws.on('unexpected-response', (request, response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => reject(new Error(`${response.statusCode} ${request.method} ${Buffer.concat(chunks)}`)))
      })
      ws.on('upgrade', (response) => console.log(response.headers['set-cookie']))
    })
  }

  readonly #ws: NodeWebSocket
  onmessage?: (message: string) => void
  onclose?: () => void

  constructor(ws: NodeWebSocket) {
    this.#ws = ws
    this.#ws.binaryType = 'arraybuffer'
    this.#ws.addEventListener('message', (event) => {
      if (this.onmessage) this.onmessage.call(null, event.data as string)
    })
    this.#ws.addEventListener('close', this.#closed, { once: true })
    this.#ws.onerror = (event: ErrorEvent) => console.error(event.message, event.error)
    this.#ws.onclose = (event: CloseEvent) => console.log(event.wasClean, event.code, event.reason.length)
    this.#ws.onmessage = ({ data, target }: MessageEvent) => {
      if (typeof data === 'string') console.log(data.length, target.url.length)
      else if (Array.isArray(data)) console.log(Buffer.concat(data).length)
      else if (data instanceof ArrayBuffer) console.log(data.byteLength)
      else console.log(data.readUInt8(0))
    }
  }

  #closed = (event: CloseEvent): void => {
    this.#ws.removeEventListener('close', this.#closed)
    if (event.wasClean && this.onclose) this.onclose()
  }

  send(message: string): void {
    if (this.#ws.readyState !== NodeWebSocket.OPEN) throw new Error('Not open')
    this.#ws.send(message)
  }

  close(): void {
    this.#ws.close()
  }
}
