// The exported Receiver: a Writable that takes octets and emits what they say, with ws's options and events; and `ws._receiver`.

import { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import type { CloseStatus } from '../core/close.js'
import { Receiver as FrameReceiver, type MessageInflater, type ReceiverHandler } from '../core/receiver.js'
import { assemble, type BinaryType, EMPTY_BUFFER, messageOf } from './data.js'
import { beginBatch, copyToBuffer, endBatch } from './message-memory.js'
import { kernelsFor } from './kernels.js'
import { nodeRuntime } from './ports.js'
import type { Extensions } from './sender.js'
import { setImmediate } from './ticks.js'
import type { Transport } from './transport.js'

/** Limits that are left out do not apply. */
export interface ReceiverOptions {
  allowSynchronousEvents?: boolean
  binaryType?: BinaryType
  extensions?: Extensions
  isServer?: boolean
  maxBufferedChunks?: number
  maxFragments?: number
  maxPayload?: number
  skipUTF8Validation?: boolean
}

type WriteDone = (error?: Error | null) => void

/** Emits 'message', 'ping', 'pong' and, for a close frame, 'conclude'; a violation is its 'error'. */
export class Receiver extends Writable {
  _binaryType: BinaryType
  readonly _extensions: Extensions
  readonly _isServer: boolean
  readonly #frames: FrameReceiver
  /** The callback of a write that is not through. */
  #done: WriteDone | null = null
  #violation: Error | null = null

  constructor(options: ReceiverOptions = {}) {
    super()
    this._binaryType = options.binaryType || 'nodebuffer'
    this._extensions = options.extensions ?? {}
    this._isServer = Boolean(options.isServer)
    this.#frames = new FrameReceiver(
      {
        isServer: this._isServer,
        maxPayload: (options.maxPayload as number) | 0,
        maxFragments: (options.maxFragments as number) | 0,
        maxBufferedChunks: (options.maxBufferedChunks as number) | 0,
        skipUtf8Validation: Boolean(options.skipUTF8Validation),
        deferEvents: options.allowSynchronousEvents === undefined ? false : !options.allowSynchronousEvents
      },
      kernelsFor(undefined),
      nodeRuntime,
      this.#handler()
    )
    this.#frames.inflater = inflaterOf(this._extensions)
  }

  get _maxPayload(): number {
    return this.#frames.maxPayload
  }

  set _maxPayload(maxPayload: number) {
    this.#frames.maxPayload = maxPayload
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#done = done
    this.#frames.receive(chunk, 0, chunk.length, false)
    this.#settle()
  }

  /** Ends the write once all of it is delivered. */
  #settle(): void {
    const done = this.#done
    if (done === null || !this.#frames.isIdle) return
    this.#done = null
    done(this.#violation)
  }

  #proceed(): void {
    this.#frames.proceed()
    this.#settle()
  }

  #handler(): ReceiverHandler {
    return {
      onBatch: beginBatch,
      onBatchEnd: endBatch,
      onMessage: (octets, start, end, isBinary) => {
        this.emit('message', messageOf(octets, start, end, isBinary, this._binaryType), isBinary)
      },
      onFragments: (fragments, length, isBinary) => {
        this.emit('message', assemble(fragments, length, isBinary, this._binaryType), isBinary)
      },
      onPing: (octets, start, end) => {
        this.emit('ping', copyToBuffer(octets, start, end))
      },
      onPong: (octets, start, end) => {
        this.emit('pong', copyToBuffer(octets, start, end))
      },
      onCloseFrame: ({ code, reason }: CloseStatus) => {
        this.emit('conclude', code, reason.length === 0 ? EMPTY_BUFFER : reason)
        this.end()
      },
      onViolation: (error) => {
        this.#violation = error
      },
      onDefer: () => {
        setImmediate(() => this.#proceed())
      },
      onReady: () => this.#proceed(),
      onDrain: () => {}
    }
  }
}

/** An extension of another make has `decompress` only, which is always done later. */
function inflaterOf(extensions: Extensions): MessageInflater | null {
  const extension = extensions['permessage-deflate']
  if (!extension) return null
  if (extension.transform) return extension.transform
  return {
    inflate: (octets, fin, _maxLength, done) => {
      extension.decompress(copyToBuffer(octets, 0, octets.length), fin, (error, result) => done(error, result ?? EMPTY_BUFFER))
      return null
    }
  }
}

/** What `ws._receiver` has to show of its connection. */
interface ReceiverOwner {
  binaryType: BinaryType
  readonly _extensions: Extensions
}

/**
 * What others look at in `ws._receiver`, over the receiver that is really there: its limits, and a way to feed it. It takes listeners, as a
 * stream does, and has nothing to tell them.
 */
export class ReceiverView extends EventEmitter {
  readonly #transport: Transport
  readonly #owner: ReceiverOwner

  constructor(transport: Transport, owner: ReceiverOwner) {
    super()
    this.#transport = transport
    this.#owner = owner
  }

  get #frames(): FrameReceiver {
    return this.#transport.connection.receiver
  }

  /** Takes octets as if they came from the socket. */
  write(chunk: Buffer): boolean {
    this.#transport.receive(chunk, 0, chunk.length, false)
    return true
  }

  get _binaryType(): BinaryType {
    return this.#owner.binaryType
  }

  set _binaryType(type: BinaryType) {
    this.#owner.binaryType = type
  }

  get _extensions(): Extensions {
    return this.#owner._extensions
  }

  get _isServer(): boolean {
    return this.#frames.isServer
  }

  get _maxPayload(): number {
    return this.#frames.maxPayload
  }

  set _maxPayload(maxPayload: number) {
    this.#frames.maxPayload = maxPayload
  }

  get _maxFragments(): number {
    return this.#frames.maxFragments
  }

  get _maxBufferedChunks(): number {
    return this.#frames.maxBufferedChunks
  }

  get _skipUTF8Validation(): boolean {
    return this.#frames.skipUtf8Validation
  }

  get _allowSynchronousEvents(): boolean {
    return !this.#frames.deferEvents
  }

  /** Octets that are held because something is waited for. */
  get _bufferedBytes(): number {
    return this.#frames.heldLength
  }
}

const views = new WeakMap<Transport, ReceiverView>()

/** The view of a connection's receiver: `ws._receiver`. */
export function receiverOf(transport: Transport, owner: ReceiverOwner): ReceiverView {
  let view = views.get(transport)
  if (view === undefined) views.set(transport, (view = new ReceiverView(transport, owner)))
  return view
}
