// The same import in a browser: its own WebSocket behind the shape that programs for Node expect.

import { CLOSE_ABNORMAL, CLOSED, CLOSING, CONNECTING, OPEN, READY_STATES } from '../core/constants.js'

/** What is used of the browser's WebSocket. */
interface NativeWebSocket {
  binaryType: string
  readonly bufferedAmount: number
  readonly extensions: string
  readonly protocol: string
  readonly readyState: number
  readonly url: string
  send(data: unknown): void
  close(code?: number, reason?: string): void
  addEventListener(type: string, listener: (event: NativeEvent) => void, options?: unknown): void
  removeEventListener(type: string, listener: (event: NativeEvent) => void, options?: unknown): void
}

interface NativeEvent {
  readonly type: string
  readonly data?: unknown
  readonly code?: number
  readonly reason?: string
}

type Listener = (...args: any[]) => void
type Callback = (error?: Error) => void

const native = (): new (address: string, protocols?: string | string[]) => NativeWebSocket => {
  const { WebSocket } = globalThis as { WebSocket?: new (address: string, protocols?: string | string[]) => NativeWebSocket }
  if (typeof WebSocket !== 'function') throw new Error('There is no WebSocket here: hybi needs a browser, or Node.js')
  return WebSocket
}

const ATTRIBUTES = ['open', 'message', 'close', 'error'] as const

/** A client. Text arrives as a string, binary messages as a Uint8Array unless `binaryType` says otherwise. */
export class WebSocket {
  static readonly CONNECTING = CONNECTING
  static readonly OPEN = OPEN
  static readonly CLOSING = CLOSING
  static readonly CLOSED = CLOSED
  readonly CONNECTING = CONNECTING
  readonly OPEN = OPEN
  readonly CLOSING = CLOSING
  readonly CLOSED = CLOSED
  declare onopen: Listener | null
  declare onmessage: Listener | null
  declare onclose: Listener | null
  declare onerror: Listener | null

  readonly #socket: NativeWebSocket
  readonly #listeners = new Map<string, { listener: Listener; once: boolean }[]>()
  readonly #attributes = new Map<string, Listener>()
  #binaryType = 'nodebuffer'

  /** @param protocols subprotocols; options for Node, which a browser has no use for, are ignored in either place */
  constructor(address: string | URL, protocols?: string | string[] | object, options?: { protocols?: string | string[] }) {
    const isOptions = typeof protocols === 'object' && !Array.isArray(protocols)
    const offers = isOptions ? (protocols as { protocols?: string | string[] }).protocols : (protocols ?? options?.protocols)
    const Native = native()
    const socket = offers === undefined ? new Native(String(address)) : new Native(String(address), offers as string | string[])
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    socket.addEventListener('open', () => this.emit('open'))
    socket.addEventListener('message', ({ data }) => this.#receive(data))
    socket.addEventListener('close', ({ code, reason }) => this.emit('close', code ?? CLOSE_ABNORMAL, reason ?? ''))
    socket.addEventListener('error', () => {
      // A browser does not tell a page what went wrong; unlike on Node nobody has to listen
      if (this.listenerCount('error') > 0) this.emit('error', new Error('The WebSocket connection failed'))
    })
  }

  get binaryType(): string {
    return this.#binaryType
  }

  set binaryType(type: string) {
    if (!['nodebuffer', 'arraybuffer', 'fragments', 'blob'].includes(type)) return
    this.#binaryType = type
    this.#socket.binaryType = type === 'blob' ? 'blob' : 'arraybuffer'
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  get extensions(): string {
    return this.#socket.extensions
  }

  get isPaused(): boolean {
    return false
  }

  get protocol(): string {
    return this.#socket.protocol
  }

  get readyState(): number {
    return this.#socket.readyState
  }

  get url(): string {
    return this.#socket.url
  }

  send(data: unknown, options?: object | Callback, callback?: Callback): void {
    const done = typeof options === 'function' ? (options as Callback) : callback
    if (this.readyState === CONNECTING) throw new Error('WebSocket is not open: readyState 0 (CONNECTING)')
    if (this.readyState !== OPEN) {
      const state = this.readyState
      if (done) queueMicrotask(() => done(new Error(`WebSocket is not open: readyState ${state} (${READY_STATES[state]})`)))
      return
    }
    this.#socket.send(typeof data === 'number' ? String(data) : (data ?? ''))
    if (done) queueMicrotask(done)
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason)
  }

  /** A browser cannot drop a connection: it is closed. */
  terminate(): void {
    this.#socket.close()
  }

  ping(): void {
    throw new Error('A browser answers pings by itself and cannot send them: send a message instead')
  }

  pong(): void {
    throw new Error('A browser answers pings by itself and cannot send pongs')
  }

  pause(): void {
    throw new Error('A browser cannot pause a WebSocket')
  }

  resume(): void {}

  addEventListener(type: string, listener: (event: NativeEvent) => void, options?: unknown): void {
    this.#socket.addEventListener(type, listener, options)
  }

  removeEventListener(type: string, listener: (event: NativeEvent) => void, options?: unknown): void {
    this.#socket.removeEventListener(type, listener, options)
  }

  on(event: string, listener: Listener): this {
    return this.#add(event, listener, false)
  }

  addListener(event: string, listener: Listener): this {
    return this.#add(event, listener, false)
  }

  once(event: string, listener: Listener): this {
    return this.#add(event, listener, true)
  }

  off(event: string, listener: Listener): this {
    const entries = this.#listeners.get(event) ?? []
    const at = entries.findLastIndex((entry) => entry.listener === listener)
    if (at >= 0) this.#listeners.set(event, entries.toSpliced(at, 1))
    return this
  }

  removeListener(event: string, listener: Listener): this {
    return this.off(event, listener)
  }

  removeAllListeners(event?: string): this {
    if (event === undefined) this.#listeners.clear()
    else this.#listeners.delete(event)
    return this
  }

  listenerCount(event: string): number {
    return this.#listeners.get(event)?.length ?? 0
  }

  emit(event: string, ...args: unknown[]): boolean {
    const entries = this.#listeners.get(event)
    if (entries === undefined || entries.length === 0) return false
    for (const { listener, once } of entries) {
      if (once) this.off(event, listener)
      listener.apply(this, args)
    }
    return true
  }

  /** @internal */
  attribute(type: string): Listener | null {
    return this.#attributes.get(type) ?? null
  }

  /** @internal */
  setAttribute(type: string, listener: unknown): void {
    const old = this.#attributes.get(type)
    if (old !== undefined) this.#socket.removeEventListener(type, old)
    this.#attributes.delete(type)
    if (typeof listener !== 'function') return
    this.#attributes.set(type, listener as Listener)
    this.#socket.addEventListener(type, listener as Listener)
  }

  #add(event: string, listener: Listener, once: boolean): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), { listener, once }])
    return this
  }

  #receive(data: unknown): void {
    if (typeof data === 'string') this.emit('message', data, false)
    else if (this.#binaryType === 'nodebuffer') this.emit('message', new Uint8Array(data as ArrayBuffer), true)
    else if (this.#binaryType === 'fragments') this.emit('message', [new Uint8Array(data as ArrayBuffer)], true)
    else this.emit('message', data, true)
  }
}

for (const type of ATTRIBUTES) {
  Object.defineProperty(WebSocket.prototype, `on${type}`, {
    enumerable: true,
    get(this: WebSocket) {
      return this.attribute(type)
    },
    set(this: WebSocket, listener: unknown) {
      this.setAttribute(type, listener)
    }
  })
}

function onlyOnNode(name: string): never {
  throw new Error(`${name} needs Node.js; in a browser hybi has the client only`)
}

export class WebSocketServer {
  constructor() {
    onlyOnNode('WebSocketServer')
  }
}

export function createWebSocketStream(): never {
  return onlyOnNode('createWebSocketStream')
}

export default WebSocket
