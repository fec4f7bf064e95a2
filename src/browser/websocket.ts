// The browser's own WebSocket, with the events that programs for Node listen to. Nothing here is newer than ES2018, in syntax or library:
// some bundlers parse no private names and no static blocks, and pass on what they read.

import { CLOSED, CLOSING, CONNECTING, OPEN, READY_STATES } from '../core/constants.js'
import { onlyOnNode } from './only-on-node.js'

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

type NativeConstructor = { prototype: object } & (new (address: string, protocols: string | string[]) => NativeWebSocket)
type Listener = (...args: any[]) => void
type Callback = (error?: Error) => void

interface Entry {
  readonly listener: Listener
  readonly once: boolean
  /** Whether a listener that is to be called once was. */
  isDone: boolean
}

/** Keys of what is kept on a connection. */
const SOCKET = Symbol('socket')
const LISTENERS = Symbol('listeners')
const BINARY_TYPE = Symbol('binaryType')

/** What ws gives by the name 'nodebuffer' is a Uint8Array here. */
const BINARY_TYPES = ['nodebuffer', 'arraybuffer', 'blob']

const globals = globalThis as unknown as { WebSocket?: NativeConstructor; queueMicrotask?: (callback: () => void) => void }
const nativeAtLoad = globals.WebSocket

function connect(address: string | { toString(): string }, protocols: string | string[]): NativeWebSocket {
  // Programs put this class in the native one's place, for libraries that know the global name only
  const { WebSocket: current } = globals
  const isOurs = current !== undefined && (current.prototype === WebSocket.prototype || current.prototype instanceof WebSocket)
  const Native = isOurs ? nativeAtLoad : current
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

  private readonly [SOCKET]: NativeWebSocket
  private readonly [LISTENERS]: Map<string, Entry[]>
  private [BINARY_TYPE]: string

  /** @param protocols subprotocols; in their place, and behind them, options for Node are ignored: a browser has no use for them */
  constructor(address: string | { toString(): string }, protocols?: string | string[] | object) {
    const socket = connect(address, typeof protocols === 'string' || Array.isArray(protocols) ? protocols : [])
    socket.binaryType = 'arraybuffer'
    this[SOCKET] = socket
    this[LISTENERS] = new Map<string, Entry[]>()
    this[BINARY_TYPE] = 'nodebuffer'
    socket.addEventListener('open', () => this.emit('open'))
    socket.addEventListener('message', ({ data }: { data: unknown }) => {
      const isOctets = this[BINARY_TYPE] === 'nodebuffer' && isArrayBuffer(data)
      this.emit('message', isOctets ? new Uint8Array(data) : data, typeof data !== 'string')
    })
    socket.addEventListener('close', ({ code, reason }: { code: number; reason: string }) => this.emit('close', code, reason))
    // A browser does not tell a page what went wrong
    socket.addEventListener('error', () => this.emit('error', new Error('The WebSocket connection failed')))
  }

  get binaryType(): string {
    return this[BINARY_TYPE]
  }

  set binaryType(type: string) {
    if (!BINARY_TYPES.includes(type)) return
    this[BINARY_TYPE] = type
    this[SOCKET].binaryType = type === 'blob' ? 'blob' : 'arraybuffer'
  }

  get bufferedAmount(): number {
    return this[SOCKET].bufferedAmount
  }

  /** A browser cannot pause. */
  get isPaused(): boolean {
    return false
  }

  get extensions(): string {
    return this[SOCKET].extensions
  }

  get protocol(): string {
    return this[SOCKET].protocol
  }

  get readyState(): number {
    return this[SOCKET].readyState
  }

  get url(): string {
    return this[SOCKET].url
  }

  /** @param options for Node, and ignored: a browser frames and compresses as it likes */
  send(data: unknown, options?: object | Callback, callback?: Callback): void {
    const done = typeof options === 'function' ? (options as Callback) : callback
    const { readyState } = this
    if (readyState === CONNECTING) throw new Error('WebSocket is not open: readyState 0 (CONNECTING)')
    let error: Error | undefined
    if (readyState === OPEN) this[SOCKET].send(data ?? '')
    else error = new Error(`WebSocket is not open: readyState ${readyState} (${READY_STATES[readyState]})`)
    if (done) later(() => done(error))
  }

  close(code?: number, reason?: string): void {
    this[SOCKET].close(code, reason)
  }

  /** Closes: a browser cannot drop a connection. */
  terminate(): void {
    this[SOCKET].close()
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

  setSocket(): never {
    return onlyOnNode('setSocket')
  }

  addEventListener(type: string, listener: unknown, options?: unknown): void {
    this[SOCKET].addEventListener(type, listener, options)
  }

  removeEventListener(type: string, listener: unknown, options?: unknown): void {
    this[SOCKET].removeEventListener(type, listener, options)
  }

  on(event: string, listener: Listener): this {
    add(this, event, listener, false)
    return this
  }

  addListener(event: string, listener: Listener): this {
    add(this, event, listener, false)
    return this
  }

  once(event: string, listener: Listener): this {
    add(this, event, listener, true)
    return this
  }

  off(event: string, listener: Listener): this {
    const entries = this[LISTENERS].get(event) || []
    let at = entries.length - 1
    while (at >= 0 && entries[at].listener !== listener) at--
    remove(this, event, at)
    return this
  }

  removeListener(event: string, listener: Listener): this {
    return this.off(event, listener)
  }

  removeAllListeners(event?: string): this {
    if (event === undefined) this[LISTENERS].clear()
    else this[LISTENERS].delete(event)
    return this
  }

  listenerCount(event: string): number {
    return (this[LISTENERS].get(event) || []).length
  }

  /** Calls the listeners of `event`; unlike on Node nobody has to listen to 'error'. */
  emit(event: string, ...args: unknown[]): boolean {
    const entries = this[LISTENERS].get(event) || []
    for (const entry of entries) {
      // A listener before it may have emitted the same
      if (entry.isDone) continue
      if (entry.once) {
        entry.isDone = true
        // Itself, not another entry of the same function
        remove(this, event, (this[LISTENERS].get(event) || []).indexOf(entry))
      }
      entry.listener.apply(this, args)
    }
    return entries.length > 0
  }
}

READY_STATES.forEach((name, value) => Object.defineProperty(WebSocket.prototype, name, { enumerable: true, value }))
// Attributes and `addEventListener` are the browser's own, events included
for (const name of ['onopen', 'onmessage', 'onclose', 'onerror'] as ('onopen' & keyof NativeWebSocket)[]) {
  Object.defineProperty(WebSocket.prototype, name, {
    configurable: true,
    enumerable: true,
    get(this: WebSocket) {
      return this[SOCKET][name]
    },
    set(this: WebSocket, listener: never) {
      this[SOCKET][name] = listener
    }
  })
}

// Lists are replaced, not changed: one of them may be gone through
function add(ws: WebSocket, event: string, listener: Listener, once: boolean): void {
  ws[LISTENERS].set(event, [...(ws[LISTENERS].get(event) || []), { listener, once, isDone: false }])
}

function remove(ws: WebSocket, event: string, at: number): void {
  const entries = ws[LISTENERS].get(event) || []
  if (at >= 0)
    ws[LISTENERS].set(
      event,
      entries.filter((_, index) => index !== at)
    )
}

/** Also of one that is another realm's, as in a frame or under jsdom. */
function isArrayBuffer(data: unknown): data is ArrayBuffer {
  return Object.prototype.toString.call(data) === '[object ArrayBuffer]'
}

/** Does `job` when the caller is done. */
function later(job: () => void): void {
  if (typeof globals.queueMicrotask === 'function') globals.queueMicrotask(job)
  else void Promise.resolve().then(job)
}
