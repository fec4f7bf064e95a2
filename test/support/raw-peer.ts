// A peer made of a bare TCP socket: it says exactly the octets it is told to and keeps what it hears.

import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { BINARY, buildFrame, CLOSE, closePayload, FrameParser, PING, PONG, TEST_KEY, TEXT } from './frames.js'
import type { FrameFields, ParsedFrame } from './frames.js'

export const TEST_WEBSOCKET_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** The `Sec-WebSocket-Accept` that answers `key` (RFC 6455 §4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** Events: `head` (start line and header lines), `frame`, `body`, `ended` (FIN or RST), `closed`. */
export class RawPeer extends EventEmitter {
  readonly socket: Duplex
  /** Which part the bare socket plays; a client masks its frames. */
  readonly role: 'client' | 'server'
  readonly frames: ParsedFrame[] = []
  /** Start line and header lines of the other side's opening handshake, once they are there. */
  head: string[] | null = null
  /** Whether a close frame is answered with the same (RFC 6455 §5.5.1). */
  echoClose = true
  /** All octets received after the head, where `framed` is false. */
  body = Buffer.alloc(0)
  framed = true
  ended = false
  isClosed = false
  error: (Error & { code?: string }) | null = null
  #closeSent = false
  #parser = new FrameParser()
  #handshake = Buffer.alloc(0)

  constructor(socket: Duplex, role: 'client' | 'server') {
    super()
    this.setMaxListeners(0)
    this.socket = socket
    this.role = role
    if (socket instanceof net.Socket) socket.setNoDelay()
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('end', () => this.#onEnd())
    socket.on('error', (error) => {
      this.error = error
    })
    socket.on('close', () => {
      // A reset is an end too: which of the two the system sends depends on what it has not read yet.
      this.#onEnd()
      this.isClosed = true
      this.emit('closed')
    })
  }

  #onEnd(): void {
    if (this.ended) return
    this.ended = true
    this.emit('ended')
  }

  #onData(chunk: Buffer): void {
    if (this.head === null) {
      this.#handshake = Buffer.concat([this.#handshake, chunk])
      const end = this.#handshake.indexOf('\r\n\r\n')
      if (end === -1) return
      this.head = this.#handshake.subarray(0, end).toString('latin1').split('\r\n')
      chunk = this.#handshake.subarray(end + 4)
      if (this.role === 'client' && !this.head[0].startsWith('HTTP/1.1 101 ')) this.framed = false
      this.emit('head', this.head)
    }
    if (!this.framed) {
      this.body = Buffer.concat([this.body, chunk])
      this.emit('body')
      return
    }
    for (const frame of this.#parser.push(chunk)) {
      this.frames.push(frame)
      this.emit('frame', frame)
      if (frame.opcode === CLOSE && this.echoClose && !this.#closeSent && this.socket.writable) {
        this.write(this.frame({ opcode: CLOSE, payload: frame.payload }))
        this.#closeSent = true
      }
    }
  }

  /** Value of a header line of the other side's opening handshake. */
  header(name: string): string | undefined {
    const line = this.head?.slice(1).find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    return line?.slice(line.indexOf(':') + 1).trim()
  }

  /** Octets of a frame, masked where the role demands it and `key` does not say otherwise. */
  frame(fields: FrameFields): Buffer {
    return buildFrame({ key: this.role === 'client' ? TEST_KEY : null, ...fields })
  }

  text(payload: string | Buffer, fields: FrameFields = {}): Buffer {
    return this.frame({ opcode: TEXT, payload, ...fields })
  }

  binary(payload: string | Buffer, fields: FrameFields = {}): Buffer {
    return this.frame({ opcode: BINARY, payload, ...fields })
  }

  ping(payload: string | Buffer = ''): Buffer {
    return this.frame({ opcode: PING, payload })
  }

  pong(payload: string | Buffer = ''): Buffer {
    return this.frame({ opcode: PONG, payload })
  }

  close(code?: number, reason?: string | Buffer): Buffer {
    return this.frame({ opcode: CLOSE, payload: closePayload(code, reason) })
  }

  /** Writes everything in one go. */
  write(...octets: Buffer[]): void {
    const chunk = Buffer.concat(octets)
    this.socket.write(chunk)
  }

  /** Notes that a close frame was sent by hand, so that none is echoed. */
  writeClose(code?: number, reason?: string | Buffer, ...before: Buffer[]): void {
    this.#closeSent = true
    this.write(...before, this.close(code, reason))
  }

  /** Writes in pieces of `size` octets, each only once `target` (the socket of the side under test) has read the one before. */
  async trickle(octets: Buffer, target: net.Socket, size = 1): Promise<void> {
    for (let i = 0; i < octets.length; i += size) {
      const piece = octets.subarray(i, i + size)
      const goal = target.bytesRead + piece.length
      if (target.destroyed || !this.socket.writable) return
      this.socket.write(piece)
      while (target.bytesRead < goal && !target.destroyed && !target.readableEnded && !this.isClosed) await turn()
      // One turn more, for what the read sets off.
      await turn()
    }
  }

  async untilHead(): Promise<string[]> {
    while (this.head === null && !this.isClosed) await once(this, 'head', 'closed')
    return this.head ?? []
  }

  /** Waits until `count` frames have come in all, or the connection is closed. */
  async untilFrames(count: number): Promise<void> {
    while (this.frames.length < count && !this.isClosed) await once(this, 'frame', 'closed')
  }

  /** Waits for the body of an answer that refuses, and for the end of the stream where the answer announces it. */
  async untilAnswered(): Promise<void> {
    if (this.header('connection') === 'close') return this.untilEnded()
    const length = Number(this.header('content-length') ?? 0)
    while (this.body.length < length && !this.ended && !this.isClosed) await once(this, 'body', 'ended', 'closed')
    this.socket.end()
  }

  async untilEnded(): Promise<void> {
    while (!this.ended && !this.isClosed) await once(this, 'ended', 'closed')
  }

  async untilClosed(): Promise<void> {
    while (!this.isClosed) await once(this, 'closed')
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function once(emitter: EventEmitter, ...names: string[]): Promise<void> {
  return new Promise((resolve) => {
    const listener = (): void => {
      for (const name of names) emitter.off(name, listener)
      resolve()
    }
    for (const name of names) emitter.on(name, listener)
  })
}

/** Connects a bare client to `port` without sending anything. */
export async function connectRaw(port: number, options: Partial<net.NetConnectOpts> = {}): Promise<RawPeer> {
  const socket = net.connect({ host: '127.0.0.1', port, ...options } as net.NetConnectOpts)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return new RawPeer(socket, 'client')
}

/** The lines of a client's opening handshake; a header of null is left out (RFC 6455 §4.1). */
export function requestOctets(path = '/', headers: Record<string, string | string[] | null> = {}, method = 'GET'): Buffer {
  const all: Record<string, string | string[] | null> = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': TEST_WEBSOCKET_KEY,
    'Sec-WebSocket-Version': '13',
    ...headers
  }
  const lines = [`${method} ${path} HTTP/1.1`]
  for (const [name, value] of Object.entries(all)) {
    if (value === null) continue
    for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** The lines of a server's opening handshake that answers `key` (RFC 6455 §4.2.2). */
export function responseOctets(
  key: string,
  headers: Record<string, string | null> = {},
  statusLine = 'HTTP/1.1 101 Switching Protocols'
): Buffer {
  const all: Record<string, string | null> = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': acceptOf(key),
    ...headers
  }
  const lines = [statusLine]
  for (const [name, value] of Object.entries(all)) if (value !== null) lines.push(`${name}: ${value}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** A bare TCP server; each connection is handed over as a `RawPeer` once the head of its request is there. */
export async function listenRaw(
  onRequest: (peer: RawPeer, key: string) => void,
  options: net.ServerOpts & net.ListenOptions = {}
): Promise<{ server: net.Server; port: number; close: () => Promise<void> }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer(options, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    const peer = new RawPeer(socket, 'server')
    peer.once('head', () => onRequest(peer, peer.header('sec-websocket-key') ?? ''))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.path ? { path: options.path } : { host: options.host ?? '127.0.0.1', port: 0 }, resolve)
  })
  const address = server.address()
  return {
    server,
    port: typeof address === 'string' ? 0 : (address as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      })
  }
}
