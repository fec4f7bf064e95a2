// The WebSocket class: ws's properties, methods and events over a transport, the same for both roles.

import type { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import type { ClientRequest } from 'node:http'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import {
  CLOSE_ABNORMAL,
  CLOSED,
  CLOSING,
  CONNECTING,
  DEFAULT_CLOSE_TIMEOUT_MS,
  OPCODE_PING,
  OPCODE_PONG,
  OPEN,
  READY_STATES
} from '../core/constants.js'
import type { ConnectionOptions } from '../core/connection.js'
import type { KernelsName } from '../core/kernels.js'
import type { Payload, WriteCallback } from '../core/sender.js'
import { sharing } from '../core/shared-settings.js'
import { abortConnecting, connect, type ClientOptions } from './handshake/client.js'
import { BINARY_TYPES, type BinaryType, EMPTY_BUFFER, isBlob, isPlainBuffer, toBuffer } from './delivery/data.js'
import { addEventListener, getAttribute, removeEventListener, setAttribute } from './compat/event-target.js'
import { checkKernels, type KernelsChoice, kernelsFor } from './runtime/kernels.js'
import { checkCoalesce, coalesces } from './links/departure.js'
import { checkHandleWrites } from './links/handle-write.js'
import { copyToBuffer } from './delivery/message-memory.js'
import { checkReceiveBuffer, type ReceiveBufferChoice } from './links/receive-buffer.js'
import { leaveReceiver, receiverOf, type ReceiverView } from './compat/receiver-view.js'
import {
  bound,
  closePayload,
  controlPayloadOf,
  type Extensions,
  maskingKeysFor,
  payloadOf,
  type Sender,
  senderOf,
  type SendOptions
} from './compat/sender.js'
import { kClose, kPong, kTransport } from './runtime/symbols.js'
import { Transport, type TransportOptions, type TransportOwner, type TransportSocket } from './links/transport.js'

/** What both roles read of their options when a WebSocket is made. */
export interface CommonOptions {
  autoPong?: boolean
  maxPendingAutoPongs?: number
  closeTimeout?: number
  kernels?: KernelsChoice
  receiveBuffer?: ReceiveBufferChoice
  coalesce?: boolean
}

/** What `setSocket` is told; limits that are left out do not apply. */
export interface SocketOptions {
  allowSynchronousEvents?: boolean
  generateMask?: (mask: Buffer) => void
  maxBufferedChunks?: number
  maxFragments?: number
  maxPayload?: number
  skipUTF8Validation?: boolean
}

type Callback = (error?: Error) => void

// Own state goes under symbols, where no subclass can have a property of the same name

/** Told when the WebSocket is closed, before 'close': the server that tracks it. */
export const kOnClosed = Symbol('hybi.onClosed')
const kReadyState = Symbol('hybi.readyState')
const kIsServer = Symbol('hybi.isServer')
const kExtensions = Symbol('hybi.extensions')
const kSettings = Symbol('hybi.settings')
const kSendControl = Symbol('hybi.sendControl')
const kRefuse = Symbol('hybi.refuse')

/**
 * Where the listeners of an EventEmitter are kept. EventEmitter's own is an object without a prototype, which V8 keeps as a hash table with
 * a hidden class of its own; one made by a constructor takes 300 octets less (`npm run bench -- memory`).
 */
const Listeners = function () {} as unknown as new () => object
Listeners.prototype = Object.create(null) as object

const NO_SETTINGS: CommonOptions = {}

const shareConnectionOptions = sharing<ConnectionOptions>()
const shareTransportOptions = sharing<TransportOptions>()
/** What they are asked for. */
const connectionWanted = {} as ConnectionOptions
const transportWanted = {} as TransportOptions

export class WebSocket extends EventEmitter implements TransportOwner {
  // Public constants and attributes are defined on the class and its prototype below, as enumerable properties
  declare static readonly CONNECTING: 0
  declare static readonly OPEN: 1
  declare static readonly CLOSING: 2
  declare static readonly CLOSED: 3
  declare readonly CONNECTING: 0
  declare readonly OPEN: 1
  declare readonly CLOSING: 2
  declare readonly CLOSED: 3
  declare addEventListener: typeof addEventListener
  declare removeEventListener: typeof removeEventListener

  /** Names with an underscore are those that programs written for ws look at. */
  _binaryType: BinaryType = 'nodebuffer'
  _paused = false
  _protocol = ''
  /** What only clients have: the request of the opening handshake while it is under way, the redirects so far, the address. */
  declare _req: ClientRequest | null | undefined
  declare _redirects: number
  declare _url: string | undefined
  /** Octets given to a client whose handshake failed. */
  declare _bufferedAmount: number;

  [kTransport]: Transport | null = null;
  [kOnClosed]: ((websocket: WebSocket) => void) | null = null;
  [kExtensions]: Extensions | null = null;
  [kSettings]: CommonOptions;
  /** State of the time before there is a transport. */
  [kReadyState] = CONNECTING;
  [kIsServer]: boolean

  constructor(address: string | URL | null, protocols?: string | string[] | ClientOptions, options?: ClientOptions) {
    super()
    ;(this as unknown as { _events: object })._events = new Listeners()
    this[kIsServer] = address === null
    if (address === null) {
      checkKernels(options!.kernels)
      checkReceiveBuffer(options!.receiveBuffer)
      checkHandleWrites()
      checkCoalesce()
      this[kSettings] = options!
    } else {
      // For who looks at it while the request is made
      this[kSettings] = options ?? NO_SETTINGS
      // Not the options themselves, which are those of the request as well
      const { autoPong, maxPendingAutoPongs, closeTimeout, kernels, receiveBuffer, coalesce } = connect(
        this,
        address,
        protocols,
        options
      )
      this[kSettings] = { autoPong, maxPendingAutoPongs, closeTimeout, kernels, receiveBuffer, coalesce }
    }
  }

  /** How binary messages are given to listeners; unknown values are ignored. */
  get binaryType(): BinaryType {
    return this._binaryType
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this._binaryType = type
  }

  /** Octets that were given to `send` and are not yet handed to the operating system, framing included. */
  get bufferedAmount(): number {
    return this[kTransport] === null ? (this._bufferedAmount ?? 0) : this[kTransport].bufferedLength
  }

  /** Names of the negotiated extensions, joined by commas. */
  get extensions(): string {
    return this[kExtensions] === null ? '' : Object.keys(this[kExtensions]).join()
  }

  get isPaused(): boolean {
    return this._paused
  }

  /** The chosen subprotocol, '' if there is none. */
  get protocol(): string {
    return this._protocol
  }

  get readyState(): number {
    return this[kTransport] === null ? this[kReadyState] : this[kTransport].connection.readyState
  }

  /** The address of a client; undefined on a server's side. */
  get url(): string | undefined {
    return this._url
  }

  /** The kernel set that serves this connection. */
  get kernels(): KernelsName {
    return kernelsFor(this[kSettings].kernels).name
  }

  get _readyState(): number {
    return this.readyState
  }

  set _readyState(state: number) {
    if (this[kTransport] === null) this[kReadyState] = state
    else this[kTransport].connection.readyState = state
  }

  get _isServer(): boolean {
    return this[kTransport] === null ? this[kIsServer] : this[kTransport].connection.isServer
  }

  set _isServer(isServer: boolean) {
    this[kIsServer] = isServer
    if (this[kTransport] !== null) this[kTransport].connection.isServer = isServer
  }

  get _extensions(): Extensions {
    return (this[kExtensions] ??= {})
  }

  set _extensions(extensions: Extensions) {
    this[kExtensions] = extensions
  }

  /** The socket. What was sent is written first, so that it may be used directly. */
  get _socket(): Duplex | null {
    if (this[kTransport] === null) return null
    this[kTransport].output.flush()
    return this[kTransport].socket
  }

  get _sender(): Sender | null {
    return this[kTransport] === null ? null : senderOf(this[kTransport], this._extensions)
  }

  get _receiver(): ReceiverView | null {
    return this[kTransport] === null ? null : receiverOf(this[kTransport], this)
  }

  get _closeFrameSent(): boolean {
    return this[kTransport] !== null && this[kTransport].connection.closeFrameSent
  }

  set _closeFrameSent(sent: boolean) {
    if (this[kTransport] !== null) this[kTransport].connection.closeFrameSent = sent
  }

  get _closeFrameReceived(): boolean {
    return this[kTransport] !== null && this[kTransport].connection.closeFrameReceived
  }

  set _closeFrameReceived(received: boolean) {
    if (this[kTransport] !== null) this[kTransport].connection.closeFrameReceived = received
  }

  get _closeCode(): number {
    return this[kTransport] === null ? CLOSE_ABNORMAL : this[kTransport].connection.closeCode
  }

  get _closeMessage(): Buffer {
    const reason = this[kTransport]?.connection.closeReason
    return reason === undefined || reason.length === 0 ? EMPTY_BUFFER : (reason as Buffer)
  }

  get _errorEmitted(): boolean {
    return this[kTransport] !== null && this[kTransport].connection.errorReported
  }

  get _autoPong(): boolean {
    return this[kTransport] === null ? Boolean(this[kSettings].autoPong) : this[kTransport].connection.autoPong
  }

  set _autoPong(autoPong: boolean) {
    this[kSettings] = { ...this[kSettings], autoPong }
    if (this[kTransport] !== null) this[kTransport].connection.autoPong = autoPong
  }

  get _closeTimeout(): number {
    return this[kSettings].closeTimeout ?? DEFAULT_CLOSE_TIMEOUT_MS
  }

  set _closeTimeout(closeTimeout: number) {
    this[kSettings] = { ...this[kSettings], closeTimeout }
    this[kTransport]?.setCloseTimeout(closeTimeout)
  }

  /**
   * Takes over an upgraded socket: any Duplex, with `head` as what it received already.
   * It emits 'open'; limits that `options` leaves out do not apply.
   */
  setSocket(socket: Duplex, head: Uint8Array, options: SocketOptions): void {
    const { autoPong, maxPendingAutoPongs, kernels, receiveBuffer, coalesce } = this[kSettings]
    connectionWanted.isServer = this[kIsServer]
    connectionWanted.maxPayload = (options.maxPayload as number) | 0
    connectionWanted.maxFragments = (options.maxFragments as number) | 0
    connectionWanted.maxBufferedChunks = (options.maxBufferedChunks as number) | 0
    connectionWanted.skipUtf8Validation = Boolean(options.skipUTF8Validation)
    connectionWanted.deferEvents = options.allowSynchronousEvents !== undefined && !options.allowSynchronousEvents
    connectionWanted.autoPong = Boolean(autoPong)
    connectionWanted.maxPendingAutoPongs = (maxPendingAutoPongs as number) | 0
    transportWanted.closeTimeoutMs = this._closeTimeout
    transportWanted.receiveBuffer = receiveBuffer
    transportWanted.kernels = kernelsFor(kernels)
    transportWanted.coalesces = coalesces(coalesce)
    const transport = new Transport(
      socket as TransportSocket,
      this,
      shareConnectionOptions(connectionWanted),
      maskingKeysFor(options.generateMask),
      shareTransportOptions(transportWanted)
    )
    const deflate = this[kExtensions]?.['permessage-deflate']
    if (deflate) transport.connection.useDeflate(deflate.transform)
    this[kTransport] = transport
    transport.start(head)
    this.emit('open')
  }

  /** Begins the closing handshake; without `code` the close frame is empty. */
  close(code?: number, reason?: string | Uint8Array): void {
    const { readyState } = this
    if (readyState === CLOSED) return
    if (readyState === CONNECTING) return abortConnecting(this)
    // A handshake that failed has none
    const connection = this[kTransport]?.connection
    connection?.close(readyState === CLOSING ? EMPTY_BUFFER : closePayload(code, reason))
  }

  /** Stops reading from the socket; what was read already is still delivered. Does nothing before 'open' and after 'close'. */
  pause(): void {
    const { readyState } = this
    if (readyState === CONNECTING || readyState === CLOSED) return
    this._paused = true
    this[kTransport]?.socket.pause()
  }

  resume(): void {
    const { readyState } = this
    if (readyState === CONNECTING || readyState === CLOSED) return
    this._paused = false
    this[kTransport]?.resume()
  }

  ping(data?: unknown, mask?: boolean | Callback, callback?: Callback): void {
    this[kSendControl](OPCODE_PING, data, mask, callback)
  }

  pong(data?: unknown, mask?: boolean | Callback, callback?: Callback): void {
    this[kSendControl](OPCODE_PONG, data, mask, callback)
  }

  /** Sends a message, or with `fin: false` a fragment of one; `callback` is called when it is written, or with why it was not. */
  send(data: unknown, options?: SendOptions | Callback, callback?: Callback): void {
    const transport = this[kTransport]
    if (transport === null && this[kReadyState] === CONNECTING) throw notOpen(CONNECTING)
    if (typeof options === 'function') {
      callback = options
      options = undefined
    }
    if (typeof data === 'number') data = data.toString()
    if (transport === null || transport.connection.readyState !== OPEN) return this[kRefuse](data, callback)

    const { connection } = transport
    let isBinary = typeof data !== 'string'
    let compress = true
    let fin = true
    let mask = !connection.isServer
    if (typeof options === 'object' && options !== null) {
      // A key that is there counts even where its value is undefined, as it does when options are spread over defaults
      if ('binary' in options) isBinary = Boolean(options.binary)
      if ('compress' in options) compress = Boolean(options.compress)
      if ('fin' in options) fin = Boolean(options.fin)
      if ('mask' in options) mask = Boolean(options.mask)
    }
    if (connection.sender.deflater === null) compress = false
    // With its own async context, if that of its write may be another
    let done = callback as WriteCallback | undefined
    if (done && (compress || !connection.sender.isReady)) done = bound(done)
    if (!data) {
      connection.sender.sendMessage(EMPTY_BUFFER, isBinary, fin, compress, mask, true, done)
    } else if (typeof data === 'string' || isPlainBuffer(data)) {
      connection.sender.sendMessage(data, isBinary, fin, compress, mask, false, done)
    } else {
      const { payload, owned } = payloadOf(data)
      if (done && isDeferred(payload)) done = bound(done)
      connection.sender.sendMessage(payload, isBinary, fin, compress, mask, owned, done)
    }
  }

  /** Drops the connection without a closing handshake; what was sent before still leaves. */
  terminate(): void {
    const { readyState } = this
    if (readyState === CLOSED) return
    if (readyState === CONNECTING) return abortConnecting(this)
    if (this[kTransport] === null) return
    this[kTransport].connection.readyState = CLOSING
    this[kTransport].destroy()
  }

  /** Marks the WebSocket closed and emits 'close'. */
  emitClose(): void {
    this[kExtensions]?.['permessage-deflate']?.cleanup()
    if (this[kTransport] !== null) leaveReceiver(this[kTransport])
    this._readyState = CLOSED
    this[kOnClosed]?.(this)
    this.emit('close', this._closeCode, this._closeMessage)
  }

  [kSendControl](opcode: number, data: unknown, mask: boolean | Callback | undefined, callback: Callback | undefined): void {
    const transport = this[kTransport]
    if (transport === null && this[kReadyState] === CONNECTING) throw notOpen(CONNECTING)
    if (typeof data === 'function') {
      callback = data as Callback
      data = mask = undefined
    } else if (typeof mask === 'function') {
      callback = mask
      mask = undefined
    }
    if (typeof data === 'number') data = data.toString()
    if (transport === null || transport.connection.readyState !== OPEN) return this[kRefuse](data, callback)

    const { connection } = transport
    const { payload, owned } = controlPayloadOf(data || EMPTY_BUFFER)
    if (mask === undefined) mask = !connection.isServer
    let done = callback as WriteCallback | undefined
    if (done && (!connection.sender.isReady || isDeferred(payload))) done = bound(done)
    connection.sender.sendControl(opcode, payload, Boolean(mask), owned, done)
  }

  [kPong](octets: Uint8Array, start: number, end: number, mask: boolean, done: WriteCallback): boolean {
    if (this.pong === ownPong) return false
    this.pong(copyToBuffer(octets, start, end), mask, done as Callback)
    return true
  }

  [kClose](code: number | undefined, reason: Uint8Array | undefined): boolean {
    if (this.close === ownClose) return false
    // With as many arguments as ws gives it, for who counts them
    if (code === undefined) this.close()
    else if (reason === undefined) this.close(code)
    else this.close(code, reason.length === 0 ? EMPTY_BUFFER : reason)
    return true
  }

  /** Counts what is given after the connection began to close, and says so to the callback. */
  [kRefuse](data: unknown, callback: Callback | undefined): void {
    if (data) {
      const length = isBlob(data) ? data.size : toBuffer(data).length
      if (this[kTransport] === null) this._bufferedAmount += length
      else this[kTransport].connection.sender.bufferedLength += length
    }
    if (callback) process.nextTick(callback, notOpen(this.readyState))
  }
}

/** Where a program put others in their place (in a subclass, on the instance or the prototype), it wants to be asked. */
const { pong: ownPong, close: ownClose } = WebSocket.prototype

/** Whether the octets of `payload` are still to come. */
function isDeferred(payload: Payload): boolean {
  return typeof payload !== 'string' && !ArrayBuffer.isView(payload)
}

function notOpen(readyState: number): Error {
  return new Error(`WebSocket is not open: readyState ${readyState} (${READY_STATES[readyState]})`)
}

for (const target of [WebSocket, WebSocket.prototype]) {
  READY_STATES.forEach((name, value) => Object.defineProperty(target, name, { enumerable: true, value }))
}

for (const name of ['binaryType', 'bufferedAmount', 'extensions', 'isPaused', 'kernels', 'protocol', 'readyState', 'url']) {
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true })
}

for (const type of ['open', 'error', 'close', 'message']) {
  Object.defineProperty(WebSocket.prototype, `on${type}`, {
    enumerable: true,
    configurable: true,
    get(this: WebSocket) {
      return getAttribute(this, type)
    },
    set(this: WebSocket, handler: unknown) {
      setAttribute(this, type, handler)
    }
  })
}

WebSocket.prototype.addEventListener = addEventListener
WebSocket.prototype.removeEventListener = removeEventListener
