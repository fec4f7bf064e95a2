// The WebSocket class: ws's properties, methods and events over a connection, the same for both roles.

import type { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { CLOSED, CLOSING, CONNECTING, OPCODE_PING, OPCODE_PONG, OPEN, READY_STATES } from '../core/constants.js'
import type { KernelsName } from '../core/kernels.js'
import type { WriteCallback } from '../core/output.js'
import { SEND_BINARY, SEND_COMPRESS, SEND_MASK, SEND_MORE, SEND_OWNED } from '../core/send-flags.js'
import type { Payload } from '../core/sender.js'
import { type AttemptOwner, ClientAttempt, kFailing, kUpgraded } from './handshake/client-attempt.js'
import { BINARY_TYPES, type BinaryType, EMPTY_BUFFER, isBlob, isPlainBuffer, toBuffer } from './delivery/data.js'
import { addEventListener, getAttribute, removeEventListener, setAttribute } from './compat/event-target.js'
import { type InternalEmitter, Listeners } from './runtime/internals.js'
import { kernelsFor } from './runtime/kernels.js'
import { copyToBuffer } from './delivery/message-memory.js'
import { leaveReceiver } from './compat/receiver-view.js'
import { bound, closePayload, controlPayloadOf, type Extensions, payloadOf, type SendOptions } from './compat/sender.js'
import { Delivery, type DeliveryOwner } from './delivery/delivery.js'
import { kObservers, NO_OBSERVERS, type Observers } from './delivery/observer.js'
import { openLink } from './links/open.js'
import { noteClosed, noteOpened } from './observation.js'
import {
  checkOptions,
  type ClientOptions,
  clientOptions,
  type CommonOptions,
  type ConnectionSettings,
  connectionSettings,
  type SocketOptions
} from './options.js'
import type { PerMessageDeflate } from './compat/permessage-deflate.js'
import { definePrivateSurface, type PrivateSurface } from './compat/private-surface.js'
import * as services from '../services/connection-services.js'
import { kClose, kDelivery, kExtensions, kIsServer, kPong, kReadyState, kSettings } from './runtime/symbols.js'
import { defineLatency, watchersFor } from './watching.js'

type Callback = (error?: Error) => void

// Own state goes under symbols, where no subclass can have a property of the same name

/** `setSocket` for a server, which keeps the settings of its last connection. */
export const kTakeOver = Symbol('hybi.takeOver')
const kAttempt = Symbol('hybi.attempt')
const kSendControl = Symbol('hybi.sendControl')
const kAbort = Symbol('hybi.abort')
const kRefuse = Symbol('hybi.refuse')

/** Its members are on the prototype. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface WebSocket extends services.ConnectionServices {}

export class WebSocket extends EventEmitter implements DeliveryOwner, AttemptOwner {
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
  declare readonly latency: number | undefined

  /** Names with an underscore are those that programs written for ws look at. */
  _binaryType: BinaryType = 'nodebuffer'
  _paused = false
  _protocol = ''
  /** Octets given to a client whose handshake failed. */
  declare _bufferedAmount: number;

  /** What only clients have. */
  declare [kAttempt]: ClientAttempt<WebSocket> | undefined
  declare _req: ClientRequest | null | undefined
  declare _redirects: number | undefined
  declare _url: string | undefined
  // See private-surface.ts
  declare _readyState: PrivateSurface['_readyState']
  declare _isServer: PrivateSurface['_isServer']
  declare _extensions: PrivateSurface['_extensions']
  declare readonly _socket: PrivateSurface['_socket']
  declare readonly _sender: PrivateSurface['_sender']
  declare readonly _receiver: PrivateSurface['_receiver']
  declare _closeFrameSent: PrivateSurface['_closeFrameSent']
  declare _closeFrameReceived: PrivateSurface['_closeFrameReceived']
  declare readonly _closeCode: PrivateSurface['_closeCode']
  declare readonly _closeMessage: PrivateSurface['_closeMessage']
  declare readonly _errorEmitted: PrivateSurface['_errorEmitted']
  declare _autoPong: PrivateSurface['_autoPong']
  declare _closeTimeout: PrivateSurface['_closeTimeout'];
  [kDelivery]: Delivery | null = null;
  [kObservers]: Observers<never> = NO_OBSERVERS;
  [kExtensions]: Extensions | null = null;
  [kSettings]: CommonOptions;
  /** State of the time before there is a connection. */
  [kReadyState] = CONNECTING;
  [kIsServer]: boolean

  constructor(
    address: string | URL | null,
    protocols?: string | string[] | ClientOptions<WebSocket>,
    options?: ClientOptions<WebSocket>
  ) {
    super()
    ;(this as InternalEmitter)._events = new Listeners()
    this[kIsServer] = address === null
    if (address === null) {
      checkOptions(options!)
      this[kSettings] = options!
      services.applyServiceOptions(this, options!)
      this[kObservers] = watchersFor(options!, true)
    } else {
      const complete = clientOptions(protocols, options)
      // Not the options themselves, which are those of the request as well
      const { autoPong, maxPendingAutoPongs, closeTimeout, kernels, receiveBuffer, coalesce } = complete
      this[kSettings] = { autoPong, maxPendingAutoPongs, closeTimeout, kernels, receiveBuffer, coalesce }
      services.applyServiceOptions(this, complete)
      this[kObservers] = watchersFor(complete, false)
      this._bufferedAmount = 0
      this[kAttempt] = new ClientAttempt<WebSocket>(this)
      this[kAttempt].start(address, complete)
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
    return this[kDelivery] === null ? (this._bufferedAmount ?? 0) : this[kDelivery].bufferedLength
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
    return this[kDelivery] === null ? this[kReadyState] : this[kDelivery].connection.readyState
  }

  /** The address of a client; undefined on a server's side. */
  get url(): string | undefined {
    return this._url
  }

  /** The kernel set that serves this connection. */
  get kernels(): KernelsName {
    return kernelsFor(this[kSettings].kernels).name
  }

  /**
   * Takes over an upgraded socket: any Duplex, with `head` as what it received already.
   * It emits 'open'; limits that `options` leaves out do not apply.
   */
  setSocket(socket: Duplex, head: Uint8Array, options: SocketOptions): void {
    this[kTakeOver](socket, head, options, options.generateMask, null, undefined, undefined)
  }

  /** Does what `setSocket` does. Returns the settings of the connection, which are `last` if that is the same. */
  [kTakeOver](
    socket: Duplex,
    head: Uint8Array,
    options: SocketOptions,
    generateMask: SocketOptions['generateMask'],
    last: ConnectionSettings | null,
    server: EventEmitter | undefined,
    request: IncomingMessage | undefined
  ): ConnectionSettings {
    const settings = connectionSettings(this[kIsServer], this[kSettings], options, generateMask, last)
    const delivery = (this[kDelivery] = new Delivery(openLink(socket, settings), this, settings))
    services.boundSending(this, settings)
    const deflate = this[kExtensions]?.['permessage-deflate']
    if (deflate) delivery.connection.useDeflate(deflate.transform)
    delivery.start(head)
    noteOpened(this, server, request)
    this.emit('open')
    return settings
  }

  /** What a client's opening handshake led to. */
  [kUpgraded](socket: Duplex, head: Buffer, options: SocketOptions, subprotocol: string, deflate: PerMessageDeflate | null): void {
    if (subprotocol) this._protocol = subprotocol
    if (deflate !== null) this._extensions['permessage-deflate'] = deflate
    this.setSocket(socket, head, options)
  }

  [kFailing](): void {
    this._readyState = CLOSING
  }

  /** Ends a client's opening handshake. A server's side that has no socket yet throws, as in ws. */
  [kAbort](): void {
    this[kFailing]()
    this[kAttempt]!.abort()
  }

  /** Begins the closing handshake; without `code` the close frame is empty. `signal` in the options ends the waiting for the peer. */
  close(code?: number, reason?: string | Uint8Array, ...[options]: unknown[]): void {
    const { readyState } = this
    const signal = services.closeSignal(options)
    if (readyState === CLOSED) return
    if (readyState === CONNECTING) return this[kAbort]()
    // A handshake that failed has none
    const connection = this[kDelivery]?.connection
    connection?.close(readyState === CLOSING ? EMPTY_BUFFER : closePayload(code, reason))
    if (signal !== undefined && connection !== undefined) services.dropWhenAborted(this, connection, signal)
  }

  /** Stops reading from the socket; what was read already is still delivered. Does nothing before 'open' and after 'close'. */
  pause(): void {
    const { readyState } = this
    if (readyState === CONNECTING || readyState === CLOSED) return
    this._paused = true
    this[kDelivery]?.link.pause()
  }

  resume(): void {
    const { readyState } = this
    if (readyState === CONNECTING || readyState === CLOSED) return
    this._paused = false
    this[kDelivery]?.link.resume()
  }

  ping(data?: unknown, mask?: boolean | Callback, callback?: Callback): void {
    this[kSendControl](OPCODE_PING, data, mask, callback)
  }

  pong(data?: unknown, mask?: boolean | Callback, callback?: Callback): void {
    this[kSendControl](OPCODE_PONG, data, mask, callback)
  }

  /** Sends a message, or with `fin: false` a fragment of one; `callback` is called when it is written, or with why it was not. */
  send(data: unknown, options?: SendOptions | Callback, callback?: Callback): void {
    const delivery = this[kDelivery]
    if (delivery === null && this[kReadyState] === CONNECTING) throw services.notOpen(CONNECTING)
    if (typeof options === 'function') {
      callback = options
      options = undefined
    }
    if (typeof data === 'number') data = data.toString()
    if (delivery === null || delivery.connection.readyState !== OPEN) return this[kRefuse](data, callback)

    const { sender, isServer } = delivery.connection
    let flags = (typeof data === 'string' ? 0 : SEND_BINARY) | SEND_COMPRESS | (isServer ? 0 : SEND_MASK)
    if (typeof options === 'object' && options !== null) flags = flagsOf(options, flags)
    if (sender.deflater === null) flags &= ~SEND_COMPRESS
    // With its own async context, if that of its write may be another
    let done = callback as WriteCallback | undefined
    if (done && ((flags & SEND_COMPRESS) !== 0 || !sender.isReady)) done = bound(done)
    if (!data) {
      sender.sendMessage(EMPTY_BUFFER, flags | SEND_OWNED, done)
    } else if (typeof data === 'string' || isPlainBuffer(data)) {
      sender.sendMessage(data, flags, done)
    } else {
      const { payload, owned } = payloadOf(data)
      if (done && isDeferred(payload)) done = bound(done)
      sender.sendMessage(payload, owned ? flags | SEND_OWNED : flags, done)
    }
  }

  /** Drops the connection without a closing handshake; what was sent before still leaves. */
  terminate(): void {
    const { readyState } = this
    if (readyState === CLOSED) return
    if (readyState === CONNECTING) return this[kAbort]()
    this[kDelivery]?.connection.abort()
  }

  /** Marks the WebSocket closed and emits 'close'. */
  emitClose(): void {
    this[kExtensions]?.['permessage-deflate']?.cleanup()
    if (this[kDelivery] !== null) leaveReceiver(this[kDelivery])
    this._readyState = CLOSED
    noteClosed(this)
    this.emit('close', this._closeCode, this._closeMessage)
  }

  [kSendControl](opcode: number, data: unknown, mask: boolean | Callback | undefined, callback: Callback | undefined): void {
    const delivery = this[kDelivery]
    if (delivery === null && this[kReadyState] === CONNECTING) throw services.notOpen(CONNECTING)
    if (typeof data === 'function') {
      callback = data as Callback
      data = mask = undefined
    } else if (typeof mask === 'function') {
      callback = mask
      mask = undefined
    }
    if (typeof data === 'number') data = data.toString()
    if (delivery === null || delivery.connection.readyState !== OPEN) return this[kRefuse](data, callback)

    const { connection } = delivery
    const { payload, owned } = controlPayloadOf(data || EMPTY_BUFFER)
    if (mask === undefined) mask = !connection.isServer
    let done = callback as WriteCallback | undefined
    if (done && (!connection.sender.isReady || isDeferred(payload))) done = bound(done)
    connection.sender.sendControl(opcode, payload, (mask ? SEND_MASK : 0) | (owned ? SEND_OWNED : 0), done)
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
      if (this[kDelivery] === null) this._bufferedAmount += length
      else this[kDelivery].connection.sender.bufferedLength += length
    }
    if (callback) process.nextTick(callback, services.notOpen(this.readyState))
  }
}

/** Ours. If a program has put others in their place (in a subclass, on the instance or the prototype), those are called. */
const { pong: ownPong, close: ownClose } = WebSocket.prototype
export const { setSocket: ownSetSocket, send: ownSend } = WebSocket.prototype

/** `flags` with what the options say: a key that is there counts even if its value is undefined, as it does when options are spread over defaults. */
function flagsOf(options: SendOptions, flags: number): number {
  if ('binary' in options) flags = options.binary ? flags | SEND_BINARY : flags & ~SEND_BINARY
  if ('compress' in options) flags = options.compress ? flags | SEND_COMPRESS : flags & ~SEND_COMPRESS
  if ('fin' in options) flags = options.fin ? flags & ~SEND_MORE : flags | SEND_MORE
  if ('mask' in options) flags = options.mask ? flags | SEND_MASK : flags & ~SEND_MASK
  return flags
}

/** Whether the octets of `payload` are still to come. */
function isDeferred(payload: Payload): boolean {
  return typeof payload !== 'string' && !ArrayBuffer.isView(payload)
}

definePrivateSurface(WebSocket.prototype)
services.defineConnectionServices(WebSocket.prototype)
defineLatency(WebSocket.prototype)

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

/** What ws's users look at in a client's attempt, by the names that ws has for it. Whoever sets one gives the WebSocket a property of its own. */
const OF_ATTEMPT = { _req: 'request', _redirects: 'redirects', _url: 'url' } as const

for (const [name, member] of Object.entries(OF_ATTEMPT)) {
  Object.defineProperty(WebSocket.prototype, name, {
    configurable: true,
    get(this: WebSocket) {
      return this[kAttempt]?.[member]
    },
    set(this: WebSocket, value: unknown) {
      Object.defineProperty(this, name, { configurable: true, enumerable: true, writable: true, value })
    }
  })
}

WebSocket.prototype.addEventListener = addEventListener
WebSocket.prototype.removeEventListener = removeEventListener
