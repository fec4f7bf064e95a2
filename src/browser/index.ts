// The same import in a browser: its own WebSocket, with the events that programs for Node listen to.

import { CLOSED, CLOSING, CONNECTING, OPEN, READY_STATES } from '../core/constants.js'

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
  addEventListener(type: string, listener: unknown, options?: unknown): void
  removeEventListener(type: string, listener: unknown, options?: unknown): void
}

type NativeConstructor = new (address: string, protocols: string | string[]) => NativeWebSocket
type Listener = (...args: any[]) => void
type Callback = (error?: Error) => void

interface Entry {
  readonly listener: Listener
  readonly once: boolean
  /** Whether a listener that is to be called once was. */
  isDone: boolean
}

/** What ws gives by the name 'nodebuffer' is a Uint8Array here. */
const BINARY_TYPES = ['nodebuffer', 'arraybuffer', 'blob']

function connect(address: string | URL, protocols: string | string[]): NativeWebSocket {
  const { WebSocket: Native } = globalThis as unknown as { WebSocket?: NativeConstructor }
  if (typeof Native !== 'function') throw new Error('There is no WebSocket here: hybi needs a browser, or Node.js')
  return new Native(String(address), protocols)
}

/** A client. Text arrives as a string, a binary message as a Uint8Array unless `binaryType` says otherwise. */
export class WebSocket {
  static readonly CONNECTING = CONNECTING
  static readonly OPEN = OPEN
  static readonly CLOSING = CLOSING
  static readonly CLOSED = CLOSED
  declare readonly CONNECTING: typeof CONNECTING
  declare readonly OPEN: typeof OPEN
  declare readonly CLOSING: typeof CLOSING
  declare readonly CLOSED: typeof CLOSED
  declare onopen: Listener | null
  declare onmessage: Listener | null
  declare onclose: Listener | null
  declare onerror: Listener | null

  static {
    READY_STATES.forEach((name, value) => Object.defineProperty(this.prototype, name, { enumerable: true, value }))
    // Attributes and `addEventListener` are the browser's own, events included
    for (const name of ['onopen', 'onmessage', 'onclose', 'onerror'] as ('onopen' & keyof NativeWebSocket)[]) {
      Object.defineProperty(this.prototype, name, {
        configurable: true,
        enumerable: true,
        get(this: WebSocket) {
          return this.#socket[name]
        },
        set(this: WebSocket, listener: never) {
          this.#socket[name] = listener
        }
      })
    }
  }

  readonly #socket: NativeWebSocket
  readonly #listeners = new Map<string, Entry[]>()
  #binaryType = 'nodebuffer'

  /** @param protocols subprotocols; in their place, and behind them, options for Node are ignored: a browser has no use for them */
  constructor(address: string | URL, protocols?: string | string[] | object) {
    const socket = connect(address, typeof protocols === 'string' || Array.isArray(protocols) ? protocols : [])
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    socket.addEventListener('open', () => this.emit('open'))
    socket.addEventListener('message', ({ data }: { data: unknown }) => {
      const octets = data instanceof ArrayBuffer && this.#binaryType === 'nodebuffer'
      this.emit('message', octets ? new Uint8Array(data) : data, typeof data !== 'string')
    })
    socket.addEventListener('close', ({ code, reason }: { code: number; reason: string }) => this.emit('close', code, reason))
    // A browser does not tell a page what went wrong
    socket.addEventListener('error', () => this.emit('error', new Error('The WebSocket connection failed')))
  }

  get binaryType(): string {
    return this.#binaryType
  }

  set binaryType(type: string) {
    if (!BINARY_TYPES.includes(type)) return
    this.#binaryType = type
    this.#socket.binaryType = type === 'blob' ? 'blob' : 'arraybuffer'
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  get extensions(): string {
    return this.#socket.extensions
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

  /** @param options for Node, and ignored: a browser frames and compresses as it likes */
  send(data: unknown, options?: object | Callback, callback?: Callback): void {
    const done = typeof options === 'function' ? (options as Callback) : callback
    const { readyState } = this
    if (readyState === CONNECTING) throw new Error('WebSocket is not open: readyState 0 (CONNECTING)')
    let error: Error | undefined
    if (readyState === OPEN) this.#socket.send(data ?? '')
    else error = new Error(`WebSocket is not open: readyState ${readyState} (${READY_STATES[readyState]})`)
    if (done) queueMicrotask(() => done(error))
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason)
  }

  /** Closes: a browser cannot drop a connection. */
  terminate(): void {
    this.#socket.close()
  }

  ping(): never {
    return onlyOnNode('ping')
  }

  pong(): never {
    return onlyOnNode('pong')
  }

  pause(): never {
    return onlyOnNode('pause')
  }

  resume(): never {
    return onlyOnNode('resume')
  }

  addEventListener(type: string, listener: unknown, options?: unknown): void {
    this.#socket.addEventListener(type, listener, options)
  }

  removeEventListener(type: string, listener: unknown, options?: unknown): void {
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
    return this.#remove(
      event,
      (this.#listeners.get(event) ?? []).findLastIndex((entry) => entry.listener === listener)
    )
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

  /** Calls the listeners of `event`; unlike on Node nobody has to listen to 'error'. */
  emit(event: string, ...args: unknown[]): boolean {
    const entries = this.#listeners.get(event) ?? []
    for (const entry of entries) {
      // A listener before it may have emitted the same
      if (entry.isDone) continue
      if (entry.once) {
        entry.isDone = true
        // Itself, not another entry of the same function
        this.#remove(event, (this.#listeners.get(event) ?? []).indexOf(entry))
      }
      entry.listener.apply(this, args)
    }
    return entries.length > 0
  }

  #remove(event: string, at: number): this {
    if (at >= 0) this.#listeners.set(event, this.#listeners.get(event)!.toSpliced(at, 1))
    return this
  }

  #add(event: string, listener: Listener, once: boolean): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), { listener, once, isDone: false }])
    return this
  }
}

function onlyOnNode(name: string): never {
  throw new Error(`${name} needs Node.js: a browser does not let a page do that`)
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
