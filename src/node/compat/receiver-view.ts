// `ws._receiver`: the Receiver of an open connection, for programs that look at it or take part in what it emits.
//
// There is no stream between a socket and its WebSocket. From the first look at `ws._receiver` on there is something like one: what comes
// in is emitted here, and what the WebSocket does with it is done by listeners, which may be listed, joined and removed as in ws.

import type { Buffer } from 'node:buffer'
import { Writable } from 'node:stream'
import type { CloseStatus } from '../../core/close.js'
import { CLOSED } from '../../core/constants.js'
import type { Connection } from '../../core/connection.js'
import type { ReceiverHandler } from '../../core/message-events.js'
import type { Receiver as FrameReceiver } from '../../core/receiver.js'
import { assemble, type BinaryType, EMPTY_BUFFER, honest, messageOf } from '../delivery/data.js'
import { isOnlyListener } from '../delivery/listeners.js'
import { copyToBuffer } from '../delivery/message-memory.js'
import { tellPonged } from '../delivery/observer.js'
import { Receiver } from './receiver.js'
import type { Extensions } from './sender.js'
import type { StreamStates } from '../runtime/internals.js'
import { kDelivery, kTextType } from '../runtime/symbols.js'
import type { Delivery, DeliveryOwner } from '../delivery/delivery.js'
import { HELD_FOR_DRAIN } from '../links/link.js'

/** Whose receiver it is: a WebSocket. */
export interface ReceiverOwner extends DeliveryOwner {
  binaryType: BinaryType
  readonly _extensions: Extensions
}

const kOwner = Symbol('hybi.owner')

/** Takes octets as if they came from the socket, and emits what the connection receives. */
export class ReceiverView extends Writable {
  [kDelivery]: Delivery;
  [kOwner]: ReceiverOwner

  constructor(delivery: Delivery, owner: ReceiverOwner) {
    super()
    this[kDelivery] = delivery
    this[kOwner] = owner
    this.on('conclude', receiverOnConclude)
    this.on('drain', receiverOnDrain)
    this.on('error', receiverOnError)
    this.on('message', receiverOnMessage)
    this.on('ping', receiverOnPing)
    this.on('pong', receiverOnPong)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const octets = honest(chunk)
    this[kDelivery].receive(octets, 0, octets.length, false)
    done()
  }

  get _binaryType(): BinaryType {
    return this[kOwner].binaryType
  }

  set _binaryType(type: BinaryType) {
    this[kOwner].binaryType = type
  }

  get _extensions(): Extensions {
    return this[kOwner]._extensions
  }

  get _isServer(): boolean {
    return framesOf(this).isServer
  }

  get _maxPayload(): number {
    return framesOf(this).maxPayload
  }

  set _maxPayload(maxPayload: number) {
    const frames = framesOf(this)
    frames.options = { ...frames.options, maxPayload }
  }

  get _maxFragments(): number {
    return framesOf(this).options.maxFragments
  }

  get _maxBufferedChunks(): number {
    return framesOf(this).options.maxBufferedChunks
  }

  get _skipUTF8Validation(): boolean {
    return framesOf(this).options.skipUtf8Validation
  }

  get _allowSynchronousEvents(): boolean {
    return !framesOf(this).options.deferEvents
  }

  /** Octets that are held because something is waited for. */
  get _bufferedBytes(): number {
    return framesOf(this).heldLength
  }
}

// It is a Receiver to who asks, without octets of its own to receive
Object.setPrototypeOf(ReceiverView.prototype, Receiver.prototype)
Object.defineProperty(ReceiverView.prototype, 'constructor', { value: Receiver })

function framesOf(view: ReceiverView): FrameReceiver {
  return view[kDelivery].connection.receiver
}

// What the WebSocket does with each event: its listeners, under the names that they have in ws

function receiverOnConclude(this: ReceiverView, code: number, reason: Buffer): void {
  this[kDelivery].connection.onCloseFrame({ code, reason })
}

function receiverOnDrain(this: ReceiverView): void {
  this[kDelivery].connection.onDrain()
  if (!this[kOwner].isPaused) this[kDelivery].link.resume()
}

function receiverOnError(this: ReceiverView, error: Error): void {
  this[kDelivery].connection.fail(error)
}

function receiverOnMessage(this: ReceiverView, data: unknown, isBinary: boolean): void {
  const asString = !isBinary && this[kOwner][kTextType] === 'string'
  this[kDelivery].emitMessage(asString ? (data as Buffer).toString() : data, isBinary, -1)
}

function receiverOnPing(this: ReceiverView, data: Buffer): void {
  this[kDelivery].connection.onPing(data, 0, data.length)
}

function receiverOnPong(this: ReceiverView, data: Buffer): void {
  tellPonged(this[kOwner], data, 0, data.length)
  this[kOwner].emit('pong', data)
}

/** Stands between what receives and the connection: emits on the view, if anybody else listens there or the WebSocket's own do not. */
class Tap implements ReceiverHandler {
  private readonly view: ReceiverView
  private readonly connection: Connection

  constructor(view: ReceiverView, connection: Connection) {
    this.view = view
    this.connection = connection
  }

  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean, kept: boolean): void {
    const { view } = this
    if (isOnlyListener(view, 'message', receiverOnMessage)) this.connection.onMessage(octets, start, end, isBinary, nonAscii, kept)
    else view.emit('message', messageOf(octets, start, end, isBinary, view._binaryType, kept), isBinary)
  }

  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean, nonAscii: boolean): void {
    const { view } = this
    if (isOnlyListener(view, 'message', receiverOnMessage)) this.connection.onFragments(fragments, length, isBinary, nonAscii)
    else view.emit('message', assemble(fragments, length, isBinary, view._binaryType), isBinary)
  }

  onPing(octets: Uint8Array, start: number, end: number): void {
    if (isOnlyListener(this.view, 'ping', receiverOnPing)) this.connection.onPing(octets, start, end)
    else this.view.emit('ping', copyToBuffer(octets, start, end))
  }

  onPong(octets: Uint8Array, start: number, end: number): void {
    if (isOnlyListener(this.view, 'pong', receiverOnPong)) this.connection.onPong(octets, start, end)
    else this.view.emit('pong', copyToBuffer(octets, start, end))
  }

  onCloseFrame({ code, reason }: CloseStatus): void {
    this.view.emit('conclude', code, reason.length === 0 ? EMPTY_BUFFER : reason)
    this.view.end()
  }

  onViolation(error: Error): void {
    this.connection.onViolation(error)
  }

  /** The violation is to be reported. */
  fail(error: Error): void {
    const { view, connection } = this
    // Its listeners are gone then
    if (connection.readyState === CLOSED) return connection.fail(error)
    ;(view as unknown as StreamStates)._writableState.errorEmitted = true
    try {
      view.emit('error', error)
    } finally {
      view.destroy()
    }
  }

  onDefer(): void {
    this.connection.onDefer()
  }

  onReady(): void {
    this.connection.onReady()
  }

  onDrain(): void {
    // Streams say so to who was told to wait
    if (this.view[kDelivery].link.isHeldFor(HELD_FOR_DRAIN)) this.view.emit('drain')
  }
}

const views = new WeakMap<Delivery, ReceiverView>()

/** The view of a connection's receiver: `ws._receiver`. */
export function receiverOf(delivery: Delivery, owner: ReceiverOwner): ReceiverView {
  let view = views.get(delivery)
  if (view === undefined) {
    views.set(delivery, (view = new ReceiverView(delivery, owner)))
    delivery.connection.receiver.handler = new Tap(view, delivery.connection)
  }
  return view
}

/** Takes all listeners off the view, if there is one, because the connection is closed. */
export function leaveReceiver(delivery: Delivery): void {
  const { connection } = delivery
  if (connection.receiver.handler !== connection) views.get(delivery)!.removeAllListeners()
}
